// Vectors of VW floats and the functions on them. See kernels_template.h.

typedef float SUFFIX(vec) __attribute__((ext_vector_type(VW)));
typedef float SUFFIX(loose) __attribute__((ext_vector_type(VW), aligned(4)));
typedef int32_t SUFFIX(ivec) __attribute__((ext_vector_type(VW)));
typedef int32_t SUFFIX(loose_ivec) __attribute__((ext_vector_type(VW), aligned(4)));
#define vec SUFFIX(vec)
#define loose SUFFIX(loose)
#define ivec SUFFIX(ivec)

INLINE vec SUFFIX(load)(const float *p) { return *(const loose *)p; }
INLINE void SUFFIX(store)(float *p, vec x) { *(loose *)p = x; }
INLINE vec SUFFIX(splat)(float x) { return (vec)x; }
#define load SUFFIX(load)
#define store SUFFIX(store)
#define splat SUFFIX(splat)

INLINE vec SUFFIX(min)(vec a, vec b) { return __builtin_elementwise_min(a, b); }
INLINE vec SUFFIX(max)(vec a, vec b) { return __builtin_elementwise_max(a, b); }

// Half a vector joins the other until one float is left: a fixed order, whatever the level's instructions.
INLINE float SUFFIX(sum)(vec x) {
#if VW >= 16
    __auto_type eight = x.lo + x.hi;
#else
    __auto_type eight = x;
#endif
#if VW >= 8
    __auto_type four = eight.lo + eight.hi;
#else
    __auto_type four = eight;
#endif
    __auto_type two = four.lo + four.hi;
    return two.x + two.y;
}

INLINE float SUFFIX(largest)(vec x) {
#if VW >= 16
    __auto_type eight = __builtin_elementwise_max(x.lo, x.hi);
#else
    __auto_type eight = x;
#endif
#if VW >= 8
    __auto_type four = __builtin_elementwise_max(eight.lo, eight.hi);
#else
    __auto_type four = eight;
#endif
    __auto_type two = __builtin_elementwise_max(four.lo, four.hi);
    return two.x > two.y ? two.x : two.y;
}

// The first `count` lanes of `x`; those of `other` elsewhere.
INLINE vec SUFFIX(first)(size_t count, vec x, vec other) {
    static const int32_t lanes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    ivec kept = *(const SUFFIX(loose_ivec) *)lanes < (ivec)(int32_t)count;
    return (vec)(((ivec)x & kept) | ((ivec)other & ~kept));
}

// What loops over a few registers: unrolled in full, so that they stay registers.
#define UNROLLED _Pragma("clang loop unroll(full)")

// The functions below take several vectors at once and go through them step by step: one vector's steps wait for each
// other, and a processor that looks a hundred instructions ahead finds the others' steps in between.

// x = exp(x) for x <= 0: 2^n * e^r with |r| <= ln2 / 2 and the Taylor polynomial of degree 7 (relative error below 1e-8
// before rounding). Below -87 the result is the smallest the scaling can give, about 1e-38.
INLINE void SUFFIX(exp)(int count, vec *x) {
    static const float coefficients[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
    vec n[4], r[4], p[4];
    UNROLLED for (int i = 0; i < count; i++) x[i] = SUFFIX(max)(x[i], splat(-87.0f));
    // Adding and taking away 1.5 * 2^23 rounds to the nearest integer in every rounding-to-nearest unit.
    UNROLLED for (int i = 0; i < count; i++) n[i] = FMA(x[i], splat(1.44269504088896341f), splat(12582912.0f));
    UNROLLED for (int i = 0; i < count; i++) n[i] -= splat(12582912.0f);
    UNROLLED for (int i = 0; i < count; i++) r[i] = FMA(n[i], splat(-0.693145751953125f), x[i]);
    UNROLLED for (int i = 0; i < count; i++) r[i] = FMA(n[i], splat(-1.42860682030941723212e-6f), r[i]);
    UNROLLED for (int i = 0; i < count; i++) p[i] = splat(1.0f / 5040);
    UNROLLED for (int c = 0; c < 7; c++)
        UNROLLED for (int i = 0; i < count; i++) p[i] = FMA(p[i], r[i], splat(coefficients[c]));
    UNROLLED for (int i = 0; i < count; i++)
        x[i] = p[i] * (vec)((__builtin_convertvector(n[i], ivec) + 127) << 23);
}

// x = erf-GELU of x. erf is the odd rational minimax approximation of degree 13 over 8 on [-4, 4], where it has reached
// 1 to float precision; its coefficients are the ones in common use.
INLINE void SUFFIX(gelu)(int count, vec *x) {
    static const float numerator[] = {2.77068142495902e-08f,  -2.10102402082508e-06f, -5.69250639462346e-05f,
                                      -7.34990630326855e-04f, -2.95459980854025e-03f, -1.60960333262415e-02f};
    static const float denominator[] = {-2.13374055278905e-04f, -1.68282697438203e-03f, -7.37332916720468e-03f,
                                        -1.42647390514189e-02f};
    vec z[4], s[4], p[4], q[4];
    UNROLLED for (int i = 0; i < count; i++) z[i] = x[i] * splat(0.70710678118654752f);
    UNROLLED for (int i = 0; i < count; i++) z[i] = SUFFIX(min)(SUFFIX(max)(z[i], splat(-4.0f)), splat(4.0f));
    UNROLLED for (int i = 0; i < count; i++) s[i] = z[i] * z[i];
    UNROLLED for (int i = 0; i < count; i++) p[i] = splat(-2.72614225801306e-10f);
    UNROLLED for (int i = 0; i < count; i++) q[i] = splat(-1.45660718464996e-05f);
    UNROLLED for (int c = 0; c < 4; c++) {
        UNROLLED for (int i = 0; i < count; i++) q[i] = FMA(q[i], s[i], splat(denominator[c]));
        UNROLLED for (int i = 0; i < count; i++) p[i] = FMA(p[i], s[i], splat(numerator[c]));
    }
    UNROLLED for (int c = 4; c < 6; c++)
        UNROLLED for (int i = 0; i < count; i++) p[i] = FMA(p[i], s[i], splat(numerator[c]));
    UNROLLED for (int i = 0; i < count; i++) z[i] = z[i] * p[i] / q[i];
    UNROLLED for (int i = 0; i < count; i++) x[i] *= splat(0.5f);
    UNROLLED for (int i = 0; i < count; i++) x[i] = FMA(x[i], z[i], x[i]);
}
