// Attention of the queries of one group of heads over a shared prompt and a row's own slot.
//
// Keys and values are kept in fp16, which halves what is read from memory; all sums are fp32. Keys lie in
// blocks of 16 positions, transposed, (positions/16, D, 16), so that the scores of 16 positions are computed
// side by side; values (positions, D). Softmax as it goes, block by block: Milakov and Gimelshein, Online
// normalizer calculation for softmax (2018), arXiv 1805.02867.
#pragma once

#include "simd.h"

constexpr int BLOCK = 128;   // positions looked at together
constexpr int TOGETHER = 8;  // queries computed together

/// Some columns of a matrix: 16 of row k lie at `data + k·row`, the next 16 `next` further.
template <class Number>
struct Columns {
  const Number* data;
  size_t row, next;
};

/// y (Q, n) = or += a (Q, d) · b (d, n).
template <int Q, class Number>
static inline void multiply(const float* a, int a_row, Columns<Number> b, int d, int n, float* y, int y_row,
                            bool add) {
  for (int i = 0; i < n; i += W, b.data += b.next) {
    Lanes m = lanes(n - i);
    Vec acc[Q];
    for (int q = 0; q < Q; q++) acc[q] = add ? load(y + q * y_row + i, m) : all(0.0f);
    for (int k = 0; k < d; k++) {
      Vec column = load(b.data + k * b.row, m);
#pragma GCC unroll 8
      for (int q = 0; q < Q; q++) acc[q] = fma(all(a[q * a_row + k]), column, acc[q]);
    }
    for (int q = 0; q < Q; q++) store(y + q * y_row + i, acc[q], m);
  }
}

template <class Number>
static inline void multiply(int rows, const float* a, int a_row, Columns<Number> b, int d, int n, float* y,
                            int y_row, bool add) {
  for (; rows >= TOGETHER; rows -= TOGETHER, a += TOGETHER * a_row, y += TOGETHER * y_row)
    multiply<TOGETHER>(a, a_row, b, d, n, y, y_row, add);
  with_constant<TOGETHER - 1>(rows, [&](auto left) { multiply<left>(a, a_row, b, d, n, y, y_row, add); });
}

/// The mixture of values that Q queries have seen so far.
struct Mixture {
  int queries, width;  // Q, D
  float* mixed;        // (Q, D), not divided yet
  float* top;          // (Q) the highest score so far
  float* total;        // (Q) sum of e^(score − top)
  float* scores;       // (Q, BLOCK), to work in

  void begin() {
    std::memset(mixed, 0, sizeof(float) * queries * width);
    for (int q = 0; q < queries; q++) top[q] = -1e30f, total[q] = 0;
  }

  /// Look at n positions. `seen(q, i)`: the lanes of position i to i + 15 that query q may see.
  template <class Seen>
  void look(const float* query, const Half* keys, const Half* values, int n, const Seen& seen) {
    float scale = 1 / std::sqrt(float(width));
    for (int from = 0; from < n; from += BLOCK) {
      int count = n - from < BLOCK ? n - from : BLOCK;
      Columns<Half> seen_keys{keys + size_t(from) * width, W, size_t(W) * width};
      multiply(queries, query, width, seen_keys, width, count, scores, BLOCK, false);
      for (int q = 0; q < queries; q++) {
        float* s = scores + q * BLOCK;
        Vec high = all(-1e30f);
        for (int i = 0; i < count; i += W) {
          Mask m = mask(lanes(count - i)) & seen(q, from + i);
          Vec v = select(m, load(s + i) * all(scale), all(-1e30f));
          store(s + i, v, every());
          high = maximum(high, v);
        }
        float now = std::fmax(top[q], largest(high));
        float keep = std::exp(top[q] - now);
        Vec added = all(0.0f);
        for (int i = 0; i < count; i += W) {
          Mask m = mask(lanes(count - i)) & seen(q, from + i);
          Vec e = select(m, exp(load(s + i) - all(now)), all(0.0f));
          store(s + i, e, every());
          added = added + e;
        }
        top[q] = now;
        total[q] = total[q] * keep + sum(added);
        if (keep != 1)
          for (int d = 0; d < width; d += W) {
            Lanes m = lanes(width - d);
            store(mixed + q * width + d, load(mixed + q * width + d, m) * all(keep), m);
          }
      }
      Columns<Half> seen_values{values + size_t(from) * width, size_t(width), W};
      multiply(queries, scores, BLOCK, seen_values, count, width, mixed, width, true);
    }
  }
};

/// Turn one head by the rotary embedding; the first half of the sines is negative.
static inline void rotate(const float* x, const float* cos, const float* sin, int width, float* y) {
  int half = width / 2;
  for (int i = 0; i < half; i++) {
    y[i] = x[i] * cos[i] + x[i + half] * sin[i];
    y[i + half] = x[i + half] * cos[i + half] + x[i] * sin[i + half];
  }
}
