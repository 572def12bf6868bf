// Vectors of 16 floats in the vector extensions of GCC and Clang, for any processor.
//
// Computes what simd_vnni.h does, operation by operation; only `inverse` is rounded otherwise, and
// `fma` where the processor has none.
#pragma once

using Vec = float __attribute__((vector_size(64)));
using Ints = int32_t __attribute__((vector_size(64)));
using Words = uint32_t __attribute__((vector_size(64)));
using Mask = Ints;  // −1: take the lane, 0: do not

/// The first n lanes, of a vector that may be longer than what is left.
struct Lanes {
  int n;
};

static inline Lanes lanes(int n) { return {n < W ? n : W}; }
static inline Lanes every() { return {W}; }

template <class To, class From>
static inline To bits(From x) {
  static_assert(sizeof(To) == sizeof(From), "same size");
  To y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}

static inline Vec all(float x) { return x - Vec{}; }
static inline Ints ints(int x) { return x - Ints{}; }
static inline Words words(uint32_t x) { return x - Words{}; }
static inline Ints counting() { return Ints{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }
static inline Mask mask(Lanes m) { return counting() < ints(m.n); }

template <class Vector, class Number>
static inline Vector take(const Number* p, Lanes m) {
  static_assert(sizeof(Vector) == W * sizeof(Number), "16 numbers");
  Vector v{};
  if (m.n == W)
    std::memcpy(&v, p, sizeof v);
  else
    std::memcpy(&v, p, sizeof(Number) * m.n);
  return v;
}
template <class Vector, class Number>
static inline void put(Number* p, const Vector& v, Lanes m) {
  if (m.n == W)
    std::memcpy(p, &v, sizeof v);
  else
    std::memcpy(p, &v, sizeof(Number) * m.n);
}

static inline Vec load(const float* p, Lanes m) { return take<Vec>(p, m); }
static inline Vec load(const float* p) { return take<Vec>(p, every()); }
static inline void store(float* p, Vec v, Lanes m) { put(p, v, m); }
static inline Ints load(const int32_t* p) { return take<Ints>(p, every()); }

static inline Vec fma(Vec a, Vec b, Vec c) {
#ifdef __FP_FAST_FMAF
  Vec y;
  for (int i = 0; i < W; i++) y[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return y;
#else
  return a * b + c;
#endif
}

// As the instructions: of two numbers that do not compare, the second.
static inline Vec maximum(Vec a, Vec b) { return a > b ? a : b; }
static inline Vec minimum(Vec a, Vec b) { return a < b ? a : b; }
static inline Vec absolute(Vec x) { return bits<Vec>(bits<Ints>(x) & 0x7fffffff); }
static inline Vec select(Mask m, Vec yes, Vec no) { return m ? yes : no; }
/// To the nearest whole number, halves to even. Adding and subtracting 1.5·2²³ would be fused with a
/// product before it, and rounded otherwise.
static inline Vec nearest(Vec x) {
  for (int i = 0; i < W; i++) x[i] = __builtin_rintf(x[i]);
  return x;
}
static inline Ints to_ints(Vec x) { return __builtin_convertvector(nearest(x), Ints); }
static inline Vec to_floats(Ints x) { return __builtin_convertvector(x, Vec); }
static inline Vec scale_by_power(Vec x, Vec n) { return x * bits<Vec>((to_ints(n) + 127) << 23); }
static inline Vec inverse(Vec x) { return 1.0f / x; }
static inline Ints add(Ints a, Ints b) { return a + b; }
static inline Ints subtract(Ints a, Ints b) { return a - b; }

using Halves = Half __attribute__((vector_size(32)));

static inline Vec load(const Half* p, Lanes m) {
  Words h = __builtin_convertvector(take<Halves>(p, m), Words);
  Vec magnitude = bits<Vec>((h & 0x7fff) << 13) * 0x1p112f;  // the exponents' biases differ by 112
  return bits<Vec>(bits<Words>(magnitude) | (h & 0x8000) << 16);
}
/// As halves, rounded to even; what is too large for one becomes the largest there is, not infinite.
static inline void store(Half* p, Vec v, Lanes m) {
  v = minimum(maximum(v, all(-65504.0f)), all(65504.0f));
  Words x = bits<Words>(v), size = x & 0x7fffffff;
  Words normal = (size + 0xfff + (size >> 13 & 1) - 0x38000000) >> 13;
  Words small = bits<Words>(bits<Vec>(size) + 0.5f) - 0x3f000000;  // below 2⁻¹⁴: in units of 2⁻²⁴
  Words h = (size < 0x38800000 ? small : normal) | (x >> 16 & 0x8000);
  put(p, __builtin_convertvector(h, Halves), m);
}
static inline void store_bytes(uint8_t* p, Ints x, Lanes m) {
  using Octets = uint8_t __attribute__((vector_size(16)));
  put(p, __builtin_convertvector(x, Octets), m);
}

static inline float sum(Vec x) {  // in the order of _mm512_reduce_add_ps
  float s[W];
  std::memcpy(s, &x, sizeof s);
  for (int n = W / 2; n; n /= 2)
    for (int i = 0; i < n; i++) s[i] += s[i + n];
  return s[0];
}
static inline float largest(Vec x) {
  float most = x[0];
  for (int i = 1; i < W; i++) most = most > x[i] ? most : x[i];
  return most;
}

/// Lane i stands `newest − i` positions back, modulo N: those that are at least `least` back.
static inline Mask at_least_back(int newest, int N, int least) {
  Ints back = newest - counting();
  back = back < 0 ? back + N : back;
  return back >= ints(least);
}

/// sum[i] += the products of four unsigned bytes with the four signed bytes in w[i].
static inline __attribute__((always_inline)) void add_products(Ints& sum, int32_t four, Ints w) {
  sum += (four & 255) * (w << 24 >> 24) + (four >> 8 & 255) * (w << 16 >> 24) + (four >> 16 & 255) * (w << 8 >> 24) +
         (four >> 24 & 255) * (w >> 24);
}
