// Vectors of 16 floats (AVX-512) and the few functions the network needs on them.
#pragma once

#include <immintrin.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

constexpr int W = 16;  // floats in a vector

using Vec = __m512;
using Mask = __mmask16;
using Half = uint16_t;  // fp16

/// Lanes below n, of a vector whose first element is the n-th from the end.
static inline Mask lanes(int n) { return n >= W ? Mask(0xffff) : Mask((1u << n) - 1); }

static inline Vec load(const float* p, Mask m) { return _mm512_maskz_loadu_ps(m, p); }
static inline Vec load(const float* p) { return _mm512_loadu_ps(p); }
static inline void store(float* p, Vec v, Mask m) { _mm512_mask_storeu_ps(p, m, v); }
static inline Vec all(float x) { return _mm512_set1_ps(x); }
static inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }

static inline Vec load(const Half* p, Mask m) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, p)); }
/// As halves; what is too large for one becomes the largest there is, not infinite.
static inline void store(Half* p, Vec v, Mask m) {
  v = _mm512_min_ps(_mm512_max_ps(v, all(-65504.0f)), all(65504.0f));
  _mm256_mask_storeu_epi16(p, m, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

/// e^x, relative error below 2e-7; x is held within ±87.
static inline Vec exp(Vec x) {
  x = _mm512_min_ps(_mm512_max_ps(x, all(-87.0f)), all(87.0f));
  Vec n = _mm512_roundscale_ps(x * all(1.44269504089f), _MM_FROUND_TO_NEAREST_INT);
  Vec r = fma(n, all(-0.693145751953125f), x);
  r = fma(n, all(-1.42860682030941723e-6f), r);
  Vec p = all(1.0f / 720);
  p = fma(p, r, all(1.0f / 120));
  p = fma(p, r, all(1.0f / 24));
  p = fma(p, r, all(1.0f / 6));
  p = fma(p, r, all(0.5f));
  p = fma(p, r, all(1.0f));
  p = fma(p, r, all(1.0f));
  return _mm512_scalef_ps(p, n);
}

/// 1/x, relative error below 2e-7.
static inline Vec inverse(Vec x) {
  Vec y = _mm512_rcp14_ps(x);
  return y * fma(-x, y, all(2.0f));
}

static inline Vec silu(Vec x) { return x * inverse(all(1.0f) + exp(-x)); }

/// x·Φ(x), error below 2e-5 of |x|: an odd polynomial for Φ − ½, fitted to the least largest error
/// on ±3√2, where it is cut off. Half the time of one with an exponential.
static inline Vec gelu(Vec x) {
  Vec s = _mm512_min_ps(_mm512_max_ps(x, all(-4.24264069f)), all(4.24264069f));
  Vec u = s * s;
  Vec p = all(5.626534918e-11f);
  p = fma(p, u, all(-5.371703819e-09f));
  p = fma(p, u, all(2.268248227e-07f));
  p = fma(p, u, all(-5.646141488e-06f));
  p = fma(p, u, all(9.358998821e-05f));
  p = fma(p, u, all(-1.109397195e-03f));
  p = fma(p, u, all(9.818111175e-03f));
  p = fma(p, u, all(-6.634691458e-02f));
  p = fma(p, u, all(3.989031244e-01f));
  return x * fma(s, p, all(0.5f));
}

static inline float sum(Vec x) { return _mm512_reduce_add_ps(x); }
static inline float largest(Vec x) { return _mm512_reduce_max_ps(x); }

/// Call `run` with n as a constant, if it is one of 1 to `most`.
template <int most, class Run>
static inline void with_constant(int n, const Run& run) {
  if (n == most)
    run(std::integral_constant<int, most>());
  else if constexpr (most > 1)
    with_constant<most - 1>(n, run);
}

/// What one of `parts` workers has of n things, [first, second).
struct Share {
  int first, second;
  Share(int n, int part, int parts)
      : first(int(int64_t(n) * part / parts)), second(int(int64_t(n) * (part + 1) / parts)) {}
};
