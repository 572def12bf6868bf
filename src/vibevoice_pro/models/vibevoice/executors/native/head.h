// The layers of the diffusion head, shifted, scaled and gated by a condition (AdaLN).
#pragma once

#include "stack.h"

struct HeadLayer {
  Linear gate_up, down;
  const float* norm;
};

struct Head {
  int hidden, ffn, layers;
  float eps;
  Linear modulation;  // silu(condition) → shift, scale, gate of each layer; shift, scale at the end
  const HeadLayer* layer;
};

/// condition (rows, hidden) → shifts (rows, (3·layers + 2)·hidden)
static void run_shifts(const Head& head, const float* condition, int rows, float* shifts, int threads) {
  int H = head.hidden;
  Bytes in;
  float* own;
  lay_out([&](Arena& arena) {
    in = arena.bytes(rows, H);
    own = arena.take<float>(size_t(threads) * H);
  });
#pragma omp parallel num_threads(threads)
  {
    int me = omp_get_thread_num(), of = omp_get_num_threads();
    Share mine(rows, me, of);
    float* row = own + size_t(me) * H;
    for (int i = mine.first; i < mine.second; i++) {
      for (int c = 0; c < H; c += W)
        store(row + c, silu(load(condition + size_t(i) * H + c, lanes(H - c))), lanes(H - c));
      round_row(row, H, in, i);
    }
#pragma omp barrier
    set_to(head.modulation, in, Share(rows, 0, 1), Share(head.modulation.panels(), me, of), shifts);
  }
}

/// x (rows, hidden), shifts; x becomes what the last linear map takes.
static void run_head(const Head& head, float* x, const float* shifts, int rows, int threads) {
  int H = head.hidden, all_shifts = head.modulation.outputs;
  Bytes in, wide_in;
  float *wide, *changed;
  lay_out([&](Arena& arena) {
    in = arena.bytes(rows, H), wide_in = arena.bytes(rows, head.ffn);
    wide = arena.take<float>(size_t(rows) * head.ffn);
    changed = arena.take<float>(size_t(threads) * H);
  });
#pragma omp parallel num_threads(threads)
  {
    int me = omp_get_thread_num(), of = omp_get_num_threads();
    Share mine(rows, me, of), every(rows, 0, 1);
    float* row = changed + size_t(me) * H;
    // norm(x)·(1 + scale) + shift of one row
    auto modulate = [&](int i, const float* weight, const float* shift, float* y) {
      const float* from = x + size_t(i) * H;
      Vec unit = all(inverse_rms(from, H, head.eps));
      for (int c = 0; c < H; c += W) {
        Lanes m = lanes(H - c);
        Vec v = load(from + c, m) * unit;
        if (weight) v = v * load(weight + c, m);
        store(y + c, fma(v, all(1.0f) + load(shift + H + c, m), load(shift + c, m)), m);
      }
    };
    for (int n = 0; n < head.layers; n++) {
      const HeadLayer& l = head.layer[n];
      const float* shift = shifts + size_t(n) * 3 * H;
      for (int i = mine.first; i < mine.second; i++) {
        modulate(i, l.norm, shift + size_t(i) * all_shifts, row);
        round_row(row, H, in, i);
      }
#pragma omp barrier
      product(l.gate_up, in, every, Share(l.gate_up.panels(), me, of), Gated{wide, head.ffn});
#pragma omp barrier
      round_rows(wide, head.ffn, wide_in, mine);
#pragma omp barrier
      product(l.down, wide_in, every, Share(l.down.panels(), me, of), [&](int r, int panel, Vec a, Vec b) {
        float* to = x + size_t(r) * H;
        const float* gate = shift + size_t(r) * all_shifts + 2 * H;
        halves(panel, H, a, b, [&](int at, Vec v, Lanes m) {
          store(to + at, fma(load(gate + at, m), v, load(to + at, m)), m);
        });
      });
#pragma omp barrier
    }
    for (int i = mine.first; i < mine.second; i++)
      modulate(i, nullptr, shifts + size_t(i) * all_shifts + size_t(head.layers) * 3 * H, x + size_t(i) * H);
  }
}
