// Vectors of 16 floats on AVX-512, and products of bytes on its VNNI.
#pragma once

#include <immintrin.h>

using Vec = __m512;
using Ints = __m512i;     // 16 × int32
using Mask = __mmask16;   // which lanes to take
using Lanes = __mmask16;  // the first lanes, of a vector that may be longer than what is left

/// Lanes below n, of a vector whose first element is the n-th from the end.
static inline Lanes lanes(int n) { return n >= W ? Lanes(0xffff) : Lanes((1u << n) - 1); }
static inline Lanes every() { return 0xffff; }
static inline Mask mask(Lanes m) { return m; }

static inline Vec load(const float* p, Lanes m) { return _mm512_maskz_loadu_ps(m, p); }
static inline Vec load(const float* p) { return _mm512_loadu_ps(p); }
static inline void store(float* p, Vec v, Lanes m) { _mm512_mask_storeu_ps(p, m, v); }
static inline Vec all(float x) { return _mm512_set1_ps(x); }
static inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }

static inline Vec load(const Half* p, Lanes m) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, p)); }
/// As halves; what is too large for one becomes the largest there is, not infinite.
static inline void store(Half* p, Vec v, Lanes m) {
  v = _mm512_min_ps(_mm512_max_ps(v, all(-65504.0f)), all(65504.0f));
  _mm256_mask_storeu_epi16(p, m, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

static inline Vec maximum(Vec a, Vec b) { return _mm512_max_ps(a, b); }
static inline Vec minimum(Vec a, Vec b) { return _mm512_min_ps(a, b); }
static inline Vec absolute(Vec x) { return _mm512_abs_ps(x); }
static inline Vec nearest(Vec x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT); }
/// x·2ⁿ.
static inline Vec scale_by_power(Vec x, Vec n) { return _mm512_scalef_ps(x, n); }
static inline Vec select(Mask m, Vec yes, Vec no) { return _mm512_mask_blend_ps(m, no, yes); }

/// 1/x, relative error below 2e-7.
static inline Vec inverse(Vec x) {
  Vec y = _mm512_rcp14_ps(x);
  return y * fma(-x, y, all(2.0f));
}

static inline float sum(Vec x) { return _mm512_reduce_add_ps(x); }
static inline float largest(Vec x) { return _mm512_reduce_max_ps(x); }

static inline Ints ints(int x) { return _mm512_set1_epi32(x); }
static inline Ints load(const int32_t* p) { return _mm512_loadu_si512(p); }
static inline Ints to_ints(Vec x) { return _mm512_cvtps_epi32(x); }
static inline Vec to_floats(Ints x) { return _mm512_cvtepi32_ps(x); }
static inline Ints add(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
static inline Ints subtract(Ints a, Ints b) { return _mm512_sub_epi32(a, b); }
static inline void store_bytes(uint8_t* p, Ints x, Lanes m) { _mm_mask_storeu_epi8(p, m, _mm512_cvtepi32_epi8(x)); }

/// Lane i stands `newest − i` positions back, modulo N: those that are at least `least` back.
static inline Mask at_least_back(int newest, int N, int least) {
  const Ints step = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  Ints back = _mm512_sub_epi32(_mm512_set1_epi32(newest), step);
  Mask wrapped = _mm512_cmplt_epi32_mask(back, _mm512_setzero_si512());
  back = _mm512_mask_add_epi32(back, wrapped, back, _mm512_set1_epi32(N));
  return _mm512_cmpge_epi32_mask(back, _mm512_set1_epi32(least));
}

/// sum[i] += the products of four unsigned bytes with the four signed bytes in w[i].
static inline __attribute__((always_inline)) void add_products(Ints& sum, int32_t four, Ints w) {
  // As _mm512_dpbusd_epi32; said like this, GCC leaves the sums where they are.
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(_mm512_set1_epi32(four)), "v"(w));
}
