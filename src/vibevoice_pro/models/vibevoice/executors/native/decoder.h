// The acoustic decoder behind its stem: each latent becomes `hop` samples.
//
// All streams' frames of a stage lie one after the other, (B·T, C). Where a block's weights are large
// and the frames are few, threads share the outputs of each map; where it is the other way round,
// each thread takes some frames through the whole block, a tile at a time, in its own cache.
#pragma once

#include "head.h"

constexpr int KERNEL = 7;  // of the convolutions
constexpr int PAST = KERNEL - 1;
constexpr int TILE = 4 * ROWS;  // frames
constexpr int LARGE = 1 << 22;  // weights of a block from which threads share its outputs

struct Block {
  Linear first, second;
  const float *norm, *ffn_norm, *mixer, *mixer_bias;  // mixer (7, C), times gamma
};

struct Stage {
  int width, ratio, blocks;  // ratio: of the upsampling before it, 0: none
  Linear upsample;           // of an input and the one before it, side by side
  const Block* block;
};

struct Decoder {
  int stages, hop;
  float eps;
  const Stage* stage;
  const float* head;  // (7, C) of the last stage
  const float* head_bias;
};

/// A stream's stretch of frames [first, second) of T.
struct Stretch {
  int stream, first, second;
};

/// Cut rows [from, to) of B·T into stretches of streams and call `run` with each.
template <class Run>
static inline void each_stretch(Share rows, int T, const Run& run) {
  for (int at = rows.first; at < rows.second;) {
    int stream = at / T, first = at % T;
    int second = first + (rows.second - at);
    if (second > T) second = T;
    run(Stretch{stream, first, second});
    at += second - first;
  }
}

struct Decoding {
  const Decoder& d;
  float* const* states;  // of each stream
  int streams, me, of;
  float *own_past, *tile, *line, *own_wide;  // this thread's
  Bytes own_in, own_wide_in;
  Bytes in, wide_in;  // everybody's
  float* wide;

  int T, C;      // of the present stage
  size_t place;  // in a stream's state
  float* x;

  float* past(int stream) const { return states[stream] + place; }
  float* frame(int stream, int t) const { return x + (size_t(stream) * T + t) * C; }

  /// Keep what comes before the first frame of each of my stretches; nobody may write x meanwhile.
  void look_back(Share mine, const float* weight) {
    float* to = own_past;
    each_stretch(mine, T, [&](Stretch s) {
      for (int i = 0; i < PAST; i++, to += C) {
        int t = s.first - PAST + i;
        if (t < 0)
          std::memcpy(to, past(s.stream) + size_t(t + PAST) * C, sizeof(float) * C);
        else if (weight)
          norm_row(frame(s.stream, t), weight, C, d.eps, to);
        else
          std::memcpy(to, frame(s.stream, t), sizeof(float) * C);
      }
    });
  }

  /// The convolution of a block over my rows, then its second norm, rounded. `then` is called after
  /// each tile with (first row, rows). `tiled`: `to` holds one tile, otherwise all rows.
  template <class Then>
  void mix(Share mine, const Block& b, const Bytes& to, bool tiled, const Then& then) {
    const float* before = own_past;
    each_stretch(mine, T, [&](Stretch s) {
      std::memcpy(tile, before, sizeof(float) * PAST * C);
      before += PAST * C;
      for (int t = s.first; t < s.second; t += TILE) {
        int n = s.second - t < TILE ? s.second - t : TILE;
        for (int i = 0; i < n; i++) norm_row(frame(s.stream, t + i), b.norm, C, d.eps, tile + (PAST + i) * C);
        int row = s.stream * T + t;
        for (int i = 0; i < n; i++) {
          float* y = frame(s.stream, t + i);
          for (int c = 0; c < C; c += W) {
            Lanes m = lanes(C - c);
            Vec v = load(y + c, m) + load(b.mixer_bias + c, m);
            for (int k = 0; k < KERNEL; k++)
              v = fma(load(tile + (i + k) * C + c, m), load(b.mixer + k * C + c, m), v);
            store(y + c, v, m);
          }
          norm_row(y, b.ffn_norm, C, d.eps, line);
          round_row(line, C, to, tiled ? i : row + i);
        }
        then(row, n);
        std::memmove(tile, tile + size_t(n) * C, sizeof(float) * PAST * C);
      }
      if (s.second == T) std::memcpy(past(s.stream), tile, sizeof(float) * PAST * C);
    });
  }

  void run_block(const Block& b) {
    int M = streams * T;
    Share mine(M, me, of), every(M, 0, 1);
    look_back(mine, b.norm);
#pragma omp barrier
    auto widen = [&](const Bytes& from, Share rows, Share panels, float* to) {
      product(b.first, from, rows, panels, [&](int row, int panel, Vec v, Vec w) {
        halves(panel, 4 * C, gelu(v), gelu(w),
               [&](int at, Vec y, Lanes m) { store(to + size_t(row) * 4 * C + at, y, m); });
      });
    };
    if (8 * C * C >= LARGE) {
      mix(mine, b, in, false, [](int, int) {});
#pragma omp barrier
      widen(in, every, Share(b.first.panels(), me, of), wide);
#pragma omp barrier
      round_rows(wide, 4 * C, wide_in, mine);
#pragma omp barrier
      add_to(b.second, wide_in, every, Share(b.second.panels(), me, of), x);
    } else {
      mix(mine, b, own_in, true, [&](int row, int n) {
        Share rows(n, 0, 1);
        widen(own_in, rows, Share(b.first.panels(), 0, 1), own_wide);
        round_rows(own_wide, 4 * C, own_wide_in, rows);
        add_to(b.second, own_wide_in, rows, Share(b.second.panels(), 0, 1), x + size_t(row) * C);
      });
    }
#pragma omp barrier
    place += size_t(PAST) * C;
  }

  /// x (B·T, C) → y (B·T·ratio, C′)
  void upsample(const Stage& s, float* y) {
    int M = streams * T;
    Share mine(M, me, of), every(M, 0, 1);
    bool shared = int64_t(s.upsample.inputs) * s.upsample.outputs >= LARGE;
    auto side_by_side = [&](int row, const Bytes& to, int at) {
      int stream = row / T, t = row % T;
      std::memcpy(line, frame(stream, t), sizeof(float) * C);
      std::memcpy(line + C, t ? frame(stream, t - 1) : past(stream), sizeof(float) * C);
      round_row(line, 2 * C, to, at);
    };
    if (shared) {
      for (int i = mine.first; i < mine.second; i++) side_by_side(i, in, i);
#pragma omp barrier
      set_to(s.upsample, in, every, Share(s.upsample.panels(), me, of), y);
    } else {
      for (int i = mine.first; i < mine.second; i += TILE) {
        int n = mine.second - i < TILE ? mine.second - i : TILE;
        for (int j = 0; j < n; j++) side_by_side(i + j, own_in, j);
        set_to(s.upsample, own_in, Share(n, 0, 1), Share(s.upsample.panels(), 0, 1),
               y + size_t(i) * s.upsample.outputs);
      }
    }
#pragma omp barrier
    for (int i = me; i < streams; i += of) std::memcpy(past(i), frame(i, T - 1), sizeof(float) * C);
#pragma omp barrier
    place += C;
  }

  /// The last convolution, to one channel.
  void speak(float* audio) {
    Share mine(streams * T, me, of);
    look_back(mine, nullptr);
#pragma omp barrier
    const float* before = own_past;
    each_stretch(mine, T, [&](Stretch s) {
      auto input = [&](int t) {
        return t < s.first ? before + (t - s.first + PAST) * C : frame(s.stream, t);
      };
      for (int t = s.first; t < s.second; t++) {
        Vec v = all(0.0f);
        for (int k = 0; k < KERNEL; k++) {
          const float* from = input(t - PAST + k);
          for (int c = 0; c < C; c += W)
            v = fma(load(from + c, lanes(C - c)), load(d.head + k * C + c, lanes(C - c)), v);
        }
        audio[size_t(s.stream) * T + t] = sum(v) + *d.head_bias;
      }
      if (s.second == T) {
        if (T >= PAST)
          std::memcpy(past(s.stream), frame(s.stream, T - PAST), sizeof(float) * PAST * C);
        else {
          std::memmove(past(s.stream), past(s.stream) + size_t(T) * C, sizeof(float) * (PAST - T) * C);
          std::memcpy(past(s.stream) + size_t(PAST - T) * C, frame(s.stream, 0), sizeof(float) * T * C);
        }
      }
      before += PAST * C;
    });
  }
};

/// What the threads of a decoding share, and what each has for itself.
struct Workspace {
  float *one, *other, *wide, *scales;
  uint8_t *in, *wide_in;
  struct Own {
    float *past, *tile, *line, *wide, *scales;
    uint8_t *in, *wide_in;
  };
  std::vector<Own> own;

  Workspace(const Decoder& d, int streams, int latents, int threads) : own(threads) {
    size_t frames = latents, most = 0, bytes = 0, wide_bytes = 0, widest = 0, narrow = 0;
    auto grow = [](size_t& x, size_t y) { x = x < y ? y : x; };
    for (int i = 0; i < d.stages; i++) {
      size_t C = d.stage[i].width;
      if (i) {
        grow(bytes, frames * 2 * d.stage[i - 1].width);
        frames *= d.stage[i].ratio;
      }
      grow(most, frames * C), grow(widest, C);
      if (8 * C * C >= LARGE)
        grow(bytes, frames * C), grow(wide_bytes, frames * 4 * C);
      else
        grow(narrow, C);
    }
    lay_out([&](Arena& arena) {
      one = arena.take<float>(most * streams), other = arena.take<float>(most * streams);
      wide = arena.take<float>(wide_bytes * streams);
      scales = arena.take<float>(2 * frames * streams);
      in = arena.take<uint8_t>(bytes * streams + 64);
      wide_in = arena.take<uint8_t>(wide_bytes * streams + 64);
      for (Own& mine : own) {
        mine.past = arena.take<float>((streams + 1) * PAST * widest);
        mine.tile = arena.take<float>((PAST + TILE) * widest);
        mine.line = arena.take<float>(2 * widest);
        mine.wide = arena.take<float>(TILE * 4 * narrow);
        mine.scales = arena.take<float>(2 * TILE);
        mine.in = arena.take<uint8_t>(TILE * 2 * widest + 64);
        mine.wide_in = arena.take<uint8_t>(TILE * 4 * narrow + 64);
      }
    });
  }
};

/// x (B, T, C) from the stem, whose past is the first `skip` numbers of each state → audio (B, T·hop).
static void run_decoder(const Decoder& d, const float* x, float* const* states, int skip, int streams,
                        int latents, float* audio, int threads) {
  Workspace memory(d, streams, latents, threads);
  std::memcpy(memory.one, x, sizeof(float) * streams * latents * d.stage[0].width);
#pragma omp parallel num_threads(threads)
  {
    int me = omp_get_thread_num(), of = omp_get_num_threads();
    Workspace::Own& own = memory.own[me];
    Decoding go{d, states, streams, me, of, own.past, own.tile, own.line, own.wide};
    go.T = latents, go.C = d.stage[0].width, go.place = skip;
    go.x = memory.one, go.wide = memory.wide;
    float* ends = memory.scales + size_t(d.hop) * latents * streams;
    for (int i = 0; i < d.stages; i++) {
      const Stage& s = d.stage[i];
      if (i) {
        go.in = {memory.in, memory.scales, padded(2 * go.C)};
        go.own_in = {own.in, own.scales, padded(2 * go.C)};
        float* y = go.x == memory.one ? memory.other : memory.one;
        go.upsample(s, y);
        go.x = y, go.T *= s.ratio, go.C = s.width;
      }
      go.in = {memory.in, memory.scales, padded(go.C)};
      go.wide_in = {memory.wide_in, ends, padded(4 * go.C)};
      go.own_in = {own.in, own.scales, padded(go.C)};
      go.own_wide_in = {own.wide_in, own.scales + TILE, padded(4 * go.C)};
      for (int n = 0; n < s.blocks; n++) go.run_block(s.block[n]);
    }
    go.speak(audio);
  }
}
