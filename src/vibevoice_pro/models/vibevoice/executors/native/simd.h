// Vectors of 16 floats and the few functions the network needs on them.
//
// Compiled with VNNI defined: AVX-512 with VNNI; without: any processor.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

constexpr int W = 16;  // floats in a vector

using Half = uint16_t;  // fp16

#ifdef VNNI
#include "simd_vnni.h"
#else
#include "simd_portable.h"
#endif

/// e^x, relative error below 2e-7; x is held within ±87.
static inline Vec exp(Vec x) {
  x = minimum(maximum(x, all(-87.0f)), all(87.0f));
  Vec n = nearest(x * all(1.44269504089f));
  Vec r = fma(n, all(-0.693145751953125f), x);
  r = fma(n, all(-1.42860682030941723e-6f), r);
  Vec p = all(1.0f / 720);
  p = fma(p, r, all(1.0f / 120));
  p = fma(p, r, all(1.0f / 24));
  p = fma(p, r, all(1.0f / 6));
  p = fma(p, r, all(0.5f));
  p = fma(p, r, all(1.0f));
  p = fma(p, r, all(1.0f));
  return scale_by_power(p, n);
}

static inline Vec silu(Vec x) { return x * inverse(all(1.0f) + exp(-x)); }

/// x·Φ(x), error below 2e-5 of |x|: an odd polynomial for Φ − ½, fitted to the least largest error
/// on ±3√2, where it is cut off. Half the time of one with an exponential.
static inline Vec gelu(Vec x) {
  Vec s = minimum(maximum(x, all(-4.24264069f)), all(4.24264069f));
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
