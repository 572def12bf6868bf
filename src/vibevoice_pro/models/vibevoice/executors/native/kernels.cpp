// The network's heavy parts in int8; what Python calls.

#include "decoder.h"

extern "C" {

/// Round and lay out a map of (outputs, inputs) floats; `weights` holds panels·32·padded inputs.
void vv_pack(const float* from, int outputs, int inputs, int8_t* weights, float* scales, int32_t* offsets) {
  int width = padded(inputs), panels = (outputs + PANEL - 1) / PANEL;
#pragma omp parallel for
  for (int o = 0; o < panels * PANEL; o++) {
    int8_t* to = weights + size_t(o / PANEL) * width * PANEL + (o % PANEL) * 4;
    const float* row = from + size_t(o) * inputs;
    float top = 1e-12f;
    if (o < outputs)
      for (int i = 0; i < inputs; i++) top = std::fmax(top, std::fabs(row[i]));
    int total = 0;
    for (int i = 0; i < width; i++) {
      int q = o < outputs && i < inputs ? int(std::lrint(row[i] / top * 127)) : 0;
      to[size_t(i / 4) * PANEL * 4 + i % 4] = int8_t(q);
      total += q;
    }
    scales[o] = top / 127;
    offsets[o] = 128 * total;
  }
}

/// y (rows, outputs) = x (rows, inputs) · weights (inputs, outputs) + bias (or none), in fp32. Unlike a
/// library's, a row's result does not depend on how many rows there are.
void vv_product(const float* x, int rows, int inputs, const float* weights, const float* bias, int outputs,
                float* y, int threads) {
  constexpr int COLUMNS = 4 * W;
#pragma omp parallel for num_threads(threads) if (inputs * outputs > 1 << 16)
  for (int at = 0; at < outputs; at += COLUMNS) {
    int n = outputs - at < COLUMNS ? outputs - at : COLUMNS;
    for (int r = 0; bias && r < rows; r++)
      std::memcpy(y + size_t(r) * outputs + at, bias + at, sizeof(float) * n);
    multiply(rows, x, inputs, Columns<float>{weights + at, size_t(outputs), W}, inputs, n, y + at, outputs,
             bias != nullptr);
  }
}

void vv_stack(const Stack* stack, const Pass* pass, float* x, int threads) {
  run_stack(*stack, *pass, x, threads);
}

void vv_shifts(const Head* head, const float* condition, int rows, float* shifts, int threads) {
  run_shifts(*head, condition, rows, shifts, threads);
}

void vv_head(const Head* head, float* x, const float* shifts, int rows, int threads) {
  run_head(*head, x, shifts, rows, threads);
}

void vv_decoder(const Decoder* decoder, const float* x, float* const* states, int skip, int streams,
                int latents, float* audio, int threads) {
  run_decoder(*decoder, x, states, skip, streams, latents, audio, threads);
}
}
