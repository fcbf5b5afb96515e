/// Dense kernels for transformer encoders on CPUs: float32, no dependencies, no threads, no allocation.
///
/// Every function computes each row of its output in an order that depends on nothing but the row itself, so results
/// are bit-identical whatever the batch around a row. All pointers may be unaligned; buffers must not overlap unless
/// a function says so.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Instruction set levels. Each level's kernels may only be called where `sie_cpu_supports` says so.
typedef enum sie_cpu_level {
    SIE_CPU_PORTABLE = 0,
    SIE_CPU_AVX2 = 1,
    SIE_CPU_AVX512 = 2,
    SIE_CPU_NEON = 3,
} sie_cpu_level;

/// Whether processor and operating system run this level (CPUID and, for wide registers, XCR0).
bool sie_cpu_supports(sie_cpu_level level);

/// The fastest level that runs here.
sie_cpu_level sie_cpu_best(void);

/// What is applied to a product before it is stored.
typedef enum sie_activation {
    SIE_ACTIVATION_NONE = 0,
    /// x * 0.5 * (1 + erf(x / sqrt 2)).
    SIE_ACTIVATION_GELU_ERF = 1,
} sie_activation;

/// c[m][n] = activation(a[m][k] * packed + bias) + residual
typedef struct sie_gemm {
    size_t m, n, k;
    const float *a;
    size_t a_stride;
    /// Weights that the same level has packed.
    const float *packed;
    /// n values, or null.
    const float *bias;
    sie_activation activation;
    /// Rows added after the activation, or null; may be the same memory as c.
    const float *residual;
    size_t residual_stride;
    float *c;
    size_t c_stride;
} sie_gemm;

/// Attention of one sequence: softmax(q k^T) v per head. The scale 1/sqrt(head_dim) must be in q already.
typedef struct sie_attention {
    size_t tokens, heads, head_dim;
    /// Rows of q, k and v for all heads, `stride` floats apart.
    const float *q, *k, *v;
    size_t stride;
    float *out;
    size_t out_stride;
    /// As many floats as the level's `attention_scratch` says.
    float *scratch;
} sie_attention;

/// The kernels of one level.
typedef struct sie_kernels {
    const char *name;
    /// Floats that packed weights of n output columns and depth k take.
    size_t (*packed_count)(size_t n, size_t k);
    /// Packs weights stored as [n][k] (output-major, as checkpoints do), lines `stride` floats apart, into panels
    /// [n / width][k][width] of a width that is the level's own; the last panel is filled up with zero columns.
    void (*pack)(size_t n, size_t k, const float *weight, size_t stride, float *packed);
    void (*gemm)(const sie_gemm *op);
    /// Floats of scratch memory that attention of so many tokens takes.
    size_t (*attention_scratch)(size_t tokens, size_t head_dim);
    void (*attention)(const sie_attention *op);
    /// out[i] = layernorm(x[i]) * gain + bias over rows of `width`; out may be x.
    void (*layer_norm)(size_t rows, size_t width, const float *x, size_t x_stride, const float *gain, const float *bias,
                       float epsilon, float *out, size_t out_stride);
    /// out[i] = layernorm(words[ids[i]] + positions[position_ids[i]] + types[type_ids[i]]); ids must be in range.
    void (*embed)(size_t rows, size_t width, const int32_t *ids, const int32_t *position_ids, const int32_t *type_ids,
                  const float *words, const float *positions, const float *types, const float *gain,
                  const float *bias, float epsilon, float *out);
    /// out = the mean of `rows` rows.
    void (*mean_rows)(size_t rows, size_t width, const float *x, size_t stride, float *out);
    /// x = x / max(|x|, 1e-12).
    void (*l2_normalize)(size_t width, float *x);
} sie_kernels;

/// The kernels of a level; null where this build has none for it.
const sie_kernels *sie_kernels_of(sie_cpu_level level);

#ifdef __cplusplus
}
#endif
