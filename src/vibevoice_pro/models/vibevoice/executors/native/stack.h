// A stack of Qwen2 layers over some positions of some rows: one call for all layers.
#pragma once

#include <omp.h>

#include <vector>

#include "attention.h"
#include "linear.h"

struct Layer {
  Linear qkv, out, gate_up, down;  // gate_up is gated, see `Gated`
  const float *norm, *post_norm;
};

struct Stack {
  int hidden, heads, kv_heads, head_dim, mlp, layers;
  float eps;
  const Layer* layer;
  const float* final_norm;  // or none
};

struct Prompt {
  const Half *keys, *values;  // (layers, G, ⌈P/16⌉, D, 16), (layers, G, P, D)
  int positions;
};

/// One row: new positions of one branch of one stream.
struct Row {
  Prompt prompt;
  int slot, first, count;  // where its new positions lie in x, and how many they are
  int64_t written;         // positions in the slot before this pass, dropped ones included
};

struct Pass {
  const Row* rows;
  int count, positions;            // rows, and new positions of all
  const float *cos, *sin;          // (positions, D), at their true place
  const float *far_cos, *far_sin;  // as the prompt sees them
  Half* pool;                      // (layers, slots, 2G, N, D); keys of a head as (N/16, D, 16)
  int slots, window;               // N, a multiple of 16
};

/// Cuts one piece of memory for what a call needs; from nothing, it counts.
struct Arena {
  char* memory = nullptr;
  size_t used = 0;

  template <class T>
  T* take(size_t n) {
    T* p = reinterpret_cast<T*>(memory + used);
    used += (n * sizeof(T) + 63) / 64 * 64;
    return p;
  }
  Bytes bytes(int rows, int inputs) {
    int width = padded(inputs);
    return {take<uint8_t>(size_t(rows) * width + 64), take<float>(rows), width};
  }
};

/// Let `cut(arena)` count, then give it that much memory. A thread that calls keeps it for its next
/// call: fresh memory is dear.
template <class Cut>
static inline void lay_out(const Cut& cut) {
  static thread_local std::vector<char> memory;
  Arena counting;
  cut(counting);
  if (memory.size() < counting.used + 64) memory.resize(counting.used + 64);
  char* aligned = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64);
  Arena arena{aligned};
  cut(arena);
}

/// Attention of one row and one group of heads; writes the new keys and values into the slot.
static void attend(const Stack& s, const Pass& pass, const Row& row, int layer, int group, const float* qkv,
                   float* out, float* scratch) {
  int D = s.head_dim, N = pass.window, per = s.heads / s.kv_heads, width = (s.heads + 2 * s.kv_heads) * D;
  size_t head = size_t(N) * D, slot = 2 * s.kv_heads * head;
  Half* keys = pass.pool + (size_t(layer) * pass.slots + row.slot) * slot + group * head;
  Half* values = keys + s.kv_heads * head;
  int Q = per * row.count;
  float* query = scratch;
  float* far = query + size_t(Q) * D;
  float* mixed = far + size_t(Q) * D;
  Mixture mixture{Q, D, mixed, mixed + Q * D, mixed + Q * D + Q, mixed + Q * D + 2 * Q};
  for (int t = 0; t < row.count; t++) {
    const float* x = qkv + size_t(row.first + t) * width;
    size_t turn = size_t(row.first + t) * D;
    for (int h = 0; h < per; h++) {
      const float* q = x + (group * per + h) * D;
      rotate(q, pass.cos + turn, pass.sin + turn, D, query + (t * per + h) * D);
      rotate(q, pass.far_cos + turn, pass.far_sin + turn, D, far + (t * per + h) * D);
    }
    int place = int((row.written + t) % N);
    const float* k = x + (s.heads + group) * D;
    rotate(k, pass.cos + turn, pass.sin + turn, D, mixed);
    Half* to = keys + size_t(place / W) * W * D + place % W;
    const float* value = x + (s.heads + s.kv_heads + group) * D;
    for (int d = 0; d < D; d += W) {
      Half turned[W];
      store(turned, load(mixed + d, lanes(D - d)), every());
      for (int i = 0; i < W && d + i < D; i++) to[(d + i) * W] = turned[i];
      store(values + size_t(place) * D + d, load(value + d, lanes(D - d)), lanes(D - d));
    }
  }
  mixture.begin();
  int P = row.prompt.positions;
  size_t of_layer = size_t(layer) * s.kv_heads + group, full = size_t(P + W - 1) / W * W;
  mixture.look(far, row.prompt.keys + of_layer * full * D, row.prompt.values + of_layer * P * D, P,
               [](int, int) { return mask(every()); });
  // In place p stands the last position that is p modulo N; a query sees itself and what is before.
  int64_t end = row.written + row.count;
  int held = end < N ? int(end) : N;
  int last = int((end - 1) % N);
  mixture.look(query, keys, values, held, [&](int q, int i) {
    // Counted back from the newest; row.count − 1 − t of them are too new for a query at t.
    return at_least_back(last - i, N, row.count - 1 - q / per);
  });
  for (int t = 0; t < row.count; t++)
    for (int h = 0; h < per; h++) {
      int q = t * per + h;
      float* y = out + size_t(row.first + t) * s.heads * D + (group * per + h) * D;
      for (int d = 0; d < D; d++) y[d] = mixed[q * D + d] / mixture.total[q];
    }
}

static inline void add_to(const Linear& l, const Bytes& x, Share rows, Share panels, float* y) {
  product(l, x, rows, panels, [&](int row, int panel, Vec a, Vec b) {
    float* to = y + size_t(row) * l.outputs;
    halves(panel, l.outputs, a, b, [&](int at, Vec v, Lanes m) { store(to + at, load(to + at, m) + v, m); });
  });
}

static inline void set_to(const Linear& l, const Bytes& x, Share rows, Share panels, float* y) {
  product(l, x, rows, panels, [&](int row, int panel, Vec a, Vec b) {
    float* to = y + size_t(row) * l.outputs;
    halves(panel, l.outputs, a, b, [&](int at, Vec v, Lanes m) { store(to + at, v, m); });
  });
}

/// Memory that one thread needs to attend to `count` new positions of a row.
static inline size_t scratch_floats(const Stack& s, int count) {
  return size_t(s.heads / s.kv_heads) * count * (3 * s.head_dim + 2 + BLOCK) + 64;
}

/// x (positions, hidden) in and out.
static void run_stack(const Stack& s, const Pass& pass, float* x, int threads) {
  int M = pass.positions, H = s.hidden, inner = s.heads * s.head_dim;
  int outer = inner + 2 * s.kv_heads * s.head_dim, longest = 0;
  for (int i = 0; i < pass.count; i++)
    if (pass.rows[i].count > longest) longest = pass.rows[i].count;
  size_t scratch = scratch_floats(s, longest);
  Bytes in, mixed_in, wide_in;
  float *normed, *qkv, *mixed, *wide, *own;
  lay_out([&](Arena& arena) {
    in = arena.bytes(M, H), mixed_in = arena.bytes(M, inner), wide_in = arena.bytes(M, s.mlp);
    normed = arena.take<float>(size_t(threads) * H);
    qkv = arena.take<float>(size_t(M) * outer);
    mixed = arena.take<float>(size_t(M) * inner);
    wide = arena.take<float>(size_t(M) * s.mlp);
    own = arena.take<float>(scratch * threads);
  });
#pragma omp parallel num_threads(threads)
  {
    int me = omp_get_thread_num(), of = omp_get_num_threads();
    Share mine(M, me, of), every(M, 0, 1);
    float* row = normed + size_t(me) * H;
    auto norm_and_round = [&](const float* weight) {
      for (int i = mine.first; i < mine.second; i++) {
        norm_row(x + size_t(i) * H, weight, H, s.eps, row);
        round_row(row, H, in, i);
      }
    };
    for (int n = 0; n < s.layers; n++) {
      const Layer& l = s.layer[n];
      norm_and_round(l.norm);
#pragma omp barrier
      set_to(l.qkv, in, every, Share(l.qkv.panels(), me, of), qkv);
#pragma omp barrier
      for (int task = me; task < pass.count * s.kv_heads; task += of)
        attend(s, pass, pass.rows[task / s.kv_heads], n, task % s.kv_heads, qkv, mixed, own + me * scratch);
#pragma omp barrier
      round_rows(mixed, inner, mixed_in, mine);
#pragma omp barrier
      add_to(l.out, mixed_in, every, Share(l.out.panels(), me, of), x);
#pragma omp barrier
      norm_and_round(l.post_norm);
#pragma omp barrier
      product(l.gate_up, in, every, Share(l.gate_up.panels(), me, of), Gated{wide, s.mlp});
#pragma omp barrier
      round_rows(wide, s.mlp, wide_in, mine);
#pragma omp barrier
      add_to(l.down, wide_in, every, Share(l.down.panels(), me, of), x);
#pragma omp barrier
    }
    if (s.final_norm)
      for (int i = mine.first; i < mine.second; i++)
        norm_row(x + size_t(i) * H, s.final_norm, H, s.eps, x + size_t(i) * H);
  }
}
