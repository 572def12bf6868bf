// Linear maps in int8: weights rounded per output, inputs per row as they come, sums exact.
//
// An input is kept as an unsigned byte with 128 for zero, because the instruction that adds four
// products at once takes unsigned times signed; what that adds is taken off again with the sums of
// the weights. Weights lie in panels of 32 outputs, within a panel four inputs of each output
// together, as the instruction wants them.
//
// Source: Jacob et al., Quantization and Training of Neural Networks for Efficient
// Integer-Arithmetic-Only Inference (2017), arXiv 1712.05877; scales per row: Yao et al.,
// ZeroQuant (2022), arXiv 2206.01861.
#pragma once

#include <utility>

#include "simd.h"

constexpr int PANEL = 32;  // outputs
constexpr int ROWS = 12;   // rows computed together: 24 sums in 32 registers

struct Linear {
  int outputs, inputs;
  const int8_t* weights;   // (panels, inputs/4, 32, 4)
  const float* scales;     // (panels·32)
  const int32_t* offsets;  // (panels·32), 128 × the sum of an output's weights
  const float* bias;       // (panels·32)

  int panels() const { return (outputs + PANEL - 1) / PANEL; }
};

static inline int padded(int inputs) { return (inputs + 3) / 4 * 4; }

/// Rows of bytes with a scale each.
struct Bytes {
  uint8_t* data;
  float* scales;
  int width;  // padded

  uint8_t* row(int i) const { return data + size_t(i) * width; }
};

/// Round one row of n floats.
static inline void round_row(const float* x, int n, const Bytes& to, int row) {
  Vec most = all(0.0f);
  for (int i = 0; i < n; i += W) most = maximum(most, absolute(load(x + i, lanes(n - i))));
  float top = largest(most) + 1e-12f;
  to.scales[row] = top / 127;
  Vec scale = all(127 / top);
  uint8_t* out = to.row(row);
  for (int i = 0; i < to.width; i += W) {
    Ints q = add(to_ints(load(x + i, lanes(n - i)) * scale), ints(128));
    store_bytes(out + i, q, lanes(to.width - i));
  }
}

/// Round some rows, each in its place.
static inline void round_rows(const float* x, int n, const Bytes& to, Share rows) {
  for (int i = rows.first; i < rows.second; i++) round_row(x + size_t(i) * n, n, to, i);
}

/// Root mean square of a row and its inverse: Zhang and Sennrich (2019), arXiv 1910.07467.
static inline float inverse_rms(const float* x, int n, float eps) {
  Vec squares = all(0.0f);
  for (int i = 0; i < n; i += W) {
    Vec v = load(x + i, lanes(n - i));
    squares = fma(v, v, squares);
  }
  return 1 / std::sqrt(sum(squares) / n + eps);
}

/// y = x / rms(x) · weight.
static inline void norm_row(const float* x, const float* weight, int n, float eps, float* y) {
  Vec scale = all(inverse_rms(x, n, eps));
  for (int i = 0; i < n; i += W) {
    Lanes m = lanes(n - i);
    store(y + i, load(x + i, m) * scale * load(weight + i, m), m);
  }
}

#define ALWAYS inline __attribute__((always_inline))

/// Four more products in both sums of a row.
static ALWAYS void add_four(Ints (&sum)[2], const uint8_t* x, Ints w0, Ints w1) {
  int32_t four;
  std::memcpy(&four, x, 4);
  add_products(sum[0], four, w0);
  add_products(sum[1], four, w1);
}

/// One panel of the product of R rows. The rows are a pack of constants, r = 0, …, R − 1, so that the
/// compiler keeps their sums in registers.
template <class Sink, int... r>
static inline void block(const Linear& l, const Bytes& x, int row, int panel, const Sink& sink,
                         std::integer_sequence<int, r...>) {
  const uint8_t* rows = x.row(row);
  const int8_t* w = l.weights + size_t(panel) * x.width * PANEL;
  auto four_of = [&](size_t i, int half) { return load(reinterpret_cast<const int32_t*>(w + i * PANEL) + half * W); };
  size_t width = x.width;
  Ints sums[sizeof...(r)][2];
  ((sums[r][0] = sums[r][1] = ints(0)), ...);
  for (size_t i = 0; i < width; i += 4) {
    Ints w0 = four_of(i, 0), w1 = four_of(i, 1);
    (add_four(sums[r], rows + r * width + i, w0, w1), ...);
  }
  int at = panel * PANEL;
  Ints offset[2] = {load(l.offsets + at), load(l.offsets + at + W)};
  Vec scale[2] = {load(l.scales + at), load(l.scales + at + W)};
  Vec bias[2] = {load(l.bias + at), load(l.bias + at + W)};
  auto value = [&](Ints sum, int half, int at_row) __attribute__((always_inline)) {
    Vec y = to_floats(subtract(sum, offset[half]));
    return fma(y * scale[half], all(x.scales[at_row]), bias[half]);
  };
  (sink(row + r, panel, value(sums[r][0], 0, row + r), value(sums[r][1], 1, row + r)), ...);
}

template <int R, class Sink>
static inline void block(const Linear& l, const Bytes& x, int row, int panel, const Sink& sink) {
  block(l, x, row, panel, sink, std::make_integer_sequence<int, R>());
}

/// Some panels of the product of some rows; `sink(row, panel, first 16, next 16)` takes each piece.
template <class Sink>
static inline void product(const Linear& l, const Bytes& x, Share rows, Share panels, const Sink& sink) {
  for (int p = panels.first; p < panels.second; p++) {
    int r = rows.first;
    for (; r + ROWS <= rows.second; r += ROWS) block<ROWS>(l, x, r, p, sink);
    with_constant<ROWS - 1>(rows.second - r, [&](auto left) { block<left>(l, x, r, p, sink); });
  }
}

/// What sinks do most: write a piece into rows of floats, `y(place, value, mask)` for each half.
template <class Store>
static inline void halves(int panel, int outputs, Vec a, Vec b, const Store& put) {
  int at = panel * PANEL;
  put(at, a, lanes(outputs - at));
  if (at + W < outputs) put(at + W, b, lanes(outputs - at - W));
}

/// A gated map has 16 gates and their 16 values in each panel, and gives silu(gate)·value.
struct Gated {
  float* y;
  int width;

  void operator()(int row, int panel, Vec gate, Vec value) const {
    int at = panel * W;
    store(y + size_t(row) * width + at, silu(gate) * value, lanes(width - at));
  }
};
