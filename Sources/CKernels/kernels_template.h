// The kernels, written once over vectors of VW floats. A level's file defines, before including this:
//   SUFFIX(name)   the name with the level's suffix
//   TARGET         the function attribute that allows the level's instructions
//   VW             floats per vector register
//   NV             vectors a tile is wide; NV * VW divides SIE_PANEL
//   MR             rows a tile is high: MR * NV accumulators, NV panel vectors and a broadcast must fit the registers
//   FMA(a, b, c)   a * b + c on vectors
//
// No include guard: every level includes it once.

#include "ckernels.h"

#define INLINE static inline __attribute__((always_inline)) TARGET
#define NR (NV * VW)

typedef float SUFFIX(vec) __attribute__((ext_vector_type(VW)));
typedef float SUFFIX(loose) __attribute__((ext_vector_type(VW), aligned(4)));
typedef int32_t SUFFIX(ivec) __attribute__((ext_vector_type(VW)));
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

// Sums of a vector in a fixed order.
INLINE float SUFFIX(sum)(vec x) {
    float lanes[VW];
    store(lanes, x);
    for (int half = VW / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}

INLINE float SUFFIX(largest)(vec x) {
    float lanes[VW];
    store(lanes, x);
    float result = lanes[0];
    for (int i = 1; i < VW; i++) result = lanes[i] > result ? lanes[i] : result;
    return result;
}

// exp(x) for x <= 0: 2^n * e^r with |r| <= ln2 / 2 and the Taylor polynomial of degree 7 (relative error below 1e-8
// before rounding). Below -87 the result is the smallest the scaling can give, about 1e-38.
INLINE vec SUFFIX(exp)(vec x) {
    x = SUFFIX(max)(x, splat(-87.0f));
    // Adding and taking away 1.5 * 2^23 rounds to the nearest integer in every rounding-to-nearest unit.
    vec shifted = FMA(x, splat(1.44269504088896341f), splat(12582912.0f));
    vec n = shifted - splat(12582912.0f);
    vec r = FMA(n, splat(-0.693145751953125f), x);
    r = FMA(n, splat(-1.42860682030941723212e-6f), r);
    vec p = splat(1.0f / 5040);
    p = FMA(p, r, splat(1.0f / 720));
    p = FMA(p, r, splat(1.0f / 120));
    p = FMA(p, r, splat(1.0f / 24));
    p = FMA(p, r, splat(1.0f / 6));
    p = FMA(p, r, splat(0.5f));
    p = FMA(p, r, splat(1.0f));
    p = FMA(p, r, splat(1.0f));
    ivec exponent = (__builtin_convertvector(n, ivec) + 127) << 23;
    return p * (vec)exponent;
}

// erf-GELU. erf is the odd rational minimax approximation of degree 13 over 8 on [-4, 4], where it has reached 1 to
// float precision; its coefficients are the ones in common use.
INLINE vec SUFFIX(gelu)(vec x) {
    vec z = x * splat(0.70710678118654752f);
    z = SUFFIX(min)(SUFFIX(max)(z, splat(-4.0f)), splat(4.0f));
    vec s = z * z;
    vec p = splat(-2.72614225801306e-10f);
    p = FMA(p, s, splat(2.77068142495902e-08f));
    p = FMA(p, s, splat(-2.10102402082508e-06f));
    p = FMA(p, s, splat(-5.69250639462346e-05f));
    p = FMA(p, s, splat(-7.34990630326855e-04f));
    p = FMA(p, s, splat(-2.95459980854025e-03f));
    p = FMA(p, s, splat(-1.60960333262415e-02f));
    vec q = splat(-1.45660718464996e-05f);
    q = FMA(q, s, splat(-2.13374055278905e-04f));
    q = FMA(q, s, splat(-1.68282697438203e-03f));
    q = FMA(q, s, splat(-7.37332916720468e-03f));
    q = FMA(q, s, splat(-1.42647390514189e-02f));
    vec half = x * splat(0.5f);
    return FMA(half, z * p / q, half);
}

// One tile: `rows` rows by NR columns. The accumulators stay in registers as `rows` is a constant wherever this is
// inlined. Each output is summed over k in order, whatever the height of its tile.
INLINE void SUFFIX(tile)(int rows, const sie_gemm *op, const float *a, const float *panel, size_t row, size_t column) {
    vec sum[MR][NV];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < NV; j++) sum[i][j] = splat(0);
    const float *lines[MR];
    for (int i = 0; i < rows; i++) lines[i] = a + (size_t)i * op->a_stride;
    for (size_t k = 0; k < op->k; k++) {
        vec b[NV];
        for (int j = 0; j < NV; j++) b[j] = load(panel + k * SIE_PANEL + (size_t)j * VW);
        for (int i = 0; i < rows; i++) {
            vec x = splat(lines[i][k]);
            for (int j = 0; j < NV; j++) sum[i][j] = FMA(x, b[j], sum[i][j]);
        }
    }
    if (column + NR <= op->n) {
        for (int i = 0; i < rows; i++) {
            float *c = op->c + (row + (size_t)i) * op->c_stride + column;
            for (int j = 0; j < NV; j++) {
                vec x = sum[i][j];
                if (op->bias) x += load(op->bias + column + (size_t)j * VW);
                if (op->activation == SIE_ACTIVATION_GELU_ERF) x = SUFFIX(gelu)(x);
                if (op->residual)
                    x += load(op->residual + (row + (size_t)i) * op->residual_stride + column + (size_t)j * VW);
                store(c + j * VW, x);
            }
        }
        return;
    }
    // The last panel reaches beyond the last column: the same arithmetic on a copy, then only what exists is stored.
    size_t width = op->n > column ? op->n - column : 0;
    float bias[NR] = {0}, residual[NR] = {0}, out[NR];
    if (op->bias) __builtin_memcpy(bias, op->bias + column, width * sizeof(float));
    for (int i = 0; i < rows; i++) {
        if (op->residual)
            __builtin_memcpy(residual, op->residual + (row + (size_t)i) * op->residual_stride + column, width * sizeof(float));
        for (int j = 0; j < NV; j++) {
            vec x = sum[i][j];
            if (op->bias) x += load(bias + j * VW);
            if (op->activation == SIE_ACTIVATION_GELU_ERF) x = SUFFIX(gelu)(x);
            if (op->residual) x += load(residual + j * VW);
            store(out + j * VW, x);
        }
        __builtin_memcpy(op->c + (row + (size_t)i) * op->c_stride + column, out, width * sizeof(float));
    }
}

#define TILE_CASE(rows) \
    case rows: SUFFIX(tile)(rows, op, a, panel, row, column); break;

static TARGET void SUFFIX(tiles)(size_t rows, const sie_gemm *op, const float *a, const float *panel, size_t row,
                                 size_t column) {
    switch (rows) {
        TILE_CASE(1) TILE_CASE(2)
#if MR >= 4
        TILE_CASE(3) TILE_CASE(4)
#endif
#if MR >= 6
        TILE_CASE(5) TILE_CASE(6)
#endif
#if MR >= 10
        TILE_CASE(7) TILE_CASE(8) TILE_CASE(9) TILE_CASE(10)
#endif
    }
}

static TARGET void SUFFIX(gemm)(const sie_gemm *op) {
    // Rows go in blocks whose part of `a` stays in the second-level cache while all panels pass over it.
    enum { BLOCK = 120 };
    for (size_t block = 0; block < op->m; block += BLOCK) {
        size_t end = block + BLOCK < op->m ? block + BLOCK : op->m;
        for (size_t column = 0; column < op->n; column += NR) {
            const float *panel = op->packed + column / SIE_PANEL * SIE_PANEL * op->k + column % SIE_PANEL;
            for (size_t row = block; row < end; row += MR) {
                size_t rows = end - row < MR ? end - row : MR;
                SUFFIX(tiles)(rows, op, op->a + row * op->a_stride, panel, row, column);
            }
        }
    }
}

// Softmax of one row of `count` scores in place; the rest up to a whole vector becomes zero.
INLINE void SUFFIX(softmax)(float *x, size_t count) {
    size_t whole = count / VW * VW;
    vec top = splat(-__builtin_inff());
    for (size_t i = 0; i < whole; i += VW) top = SUFFIX(max)(top, load(x + i));
    float largest = SUFFIX(largest)(top);
    for (size_t i = whole; i < count; i++) largest = x[i] > largest ? x[i] : largest;
    vec total = splat(0);
    for (size_t i = 0; i < whole; i += VW) {
        vec e = SUFFIX(exp)(load(x + i) - splat(largest));
        total += e;
        store(x + i, e);
    }
    if (whole < count) {
        float tail[VW] = {0};
        __builtin_memcpy(tail, x + whole, (count - whole) * sizeof(float));
        vec e = SUFFIX(exp)(load(tail) - splat(largest));
        store(tail, e);
        for (size_t i = count - whole; i < VW; i++) tail[i] = 0;
        total += load(tail);
        __builtin_memcpy(x + whole, tail, (count - whole) * sizeof(float));
    }
    float inverse = 1.0f / SUFFIX(sum)(total);
    for (size_t i = 0; i < whole; i += VW) store(x + i, load(x + i) * splat(inverse));
    for (size_t i = whole; i < count; i++) x[i] *= inverse;
}

// Per head: k^T and v are packed as weights are, scores are made for a block of rows at a time so that they stay in
// the cache, and both products go through the tiles above.
static TARGET void SUFFIX(attention)(const sie_attention *op) {
    size_t s = op->tokens, d = op->head_dim;
    size_t padded = (s + SIE_PANEL - 1) / SIE_PANEL * SIE_PANEL;
    float *keys = op->scratch;
    float *values = keys + padded * d;
    float *scores = values + sie_packed_count(d, s);
    for (size_t head = 0; head < op->heads; head++) {
        const float *k = op->k + head * d, *v = op->v + head * d, *q = op->q + head * d;
        sie_pack_weight(s, d, k, op->stride, 1.0f, keys);
        for (size_t column = 0; column < d; column += SIE_PANEL) {
            float *panel = values + column * s;
            size_t width = d - column < SIE_PANEL ? d - column : SIE_PANEL;
            for (size_t j = 0; j < s; j++) {
                __builtin_memcpy(panel + j * SIE_PANEL, v + j * op->stride + column, width * sizeof(float));
                for (size_t i = width; i < SIE_PANEL; i++) panel[j * SIE_PANEL + i] = 0;
            }
        }
        for (size_t row = 0; row < s; row += SIE_ATTENTION_ROWS) {
            size_t rows = s - row < SIE_ATTENTION_ROWS ? s - row : SIE_ATTENTION_ROWS;
            sie_gemm product = {.m = rows, .n = padded, .k = d, .a = q + row * op->stride, .a_stride = op->stride,
                                .packed = keys, .c = scores, .c_stride = padded};
            SUFFIX(gemm)(&product);
            for (size_t i = 0; i < rows; i++) SUFFIX(softmax)(scores + i * padded, s);
            sie_gemm mix = {.m = rows, .n = d, .k = s, .a = scores, .a_stride = padded, .packed = values,
                            .c = op->out + row * op->out_stride + head * d, .c_stride = op->out_stride};
            SUFFIX(gemm)(&mix);
        }
    }
}

INLINE void SUFFIX(norm_row)(size_t width, const float *x, const float *gain, const float *bias, float epsilon,
                             float *out) {
    size_t whole = width / VW * VW;
    vec total = splat(0);
    for (size_t i = 0; i < whole; i += VW) total += load(x + i);
    float sum = SUFFIX(sum)(total);
    for (size_t i = whole; i < width; i++) sum += x[i];
    float mean = sum / (float)width;
    vec squares = splat(0);
    for (size_t i = 0; i < whole; i += VW) {
        vec centred = load(x + i) - splat(mean);
        squares = FMA(centred, centred, squares);
    }
    float variance = SUFFIX(sum)(squares);
    for (size_t i = whole; i < width; i++) variance += (x[i] - mean) * (x[i] - mean);
    float scale = 1.0f / __builtin_sqrtf(variance / (float)width + epsilon);
    for (size_t i = 0; i < whole; i += VW)
        store(out + i, FMA((load(x + i) - splat(mean)) * splat(scale), load(gain + i), load(bias + i)));
    for (size_t i = whole; i < width; i++) out[i] = (x[i] - mean) * scale * gain[i] + bias[i];
}

static TARGET void SUFFIX(layer_norm)(size_t rows, size_t width, const float *x, size_t x_stride, const float *gain,
                                      const float *bias, float epsilon, float *out, size_t out_stride) {
    for (size_t row = 0; row < rows; row++)
        SUFFIX(norm_row)(width, x + row * x_stride, gain, bias, epsilon, out + row * out_stride);
}

static TARGET void SUFFIX(embed)(size_t rows, size_t width, const int32_t *ids, const int32_t *position_ids,
                                 const int32_t *type_ids, const float *words, const float *positions,
                                 const float *types, const float *gain, const float *bias, float epsilon, float *out) {
    size_t whole = width / VW * VW;
    for (size_t row = 0; row < rows; row++) {
        const float *word = words + (size_t)ids[row] * width;
        const float *position = positions + (size_t)position_ids[row] * width;
        const float *type = types + (size_t)type_ids[row] * width;
        float *x = out + row * width;
        for (size_t i = 0; i < whole; i += VW) store(x + i, load(word + i) + load(type + i) + load(position + i));
        for (size_t i = whole; i < width; i++) x[i] = word[i] + type[i] + position[i];
        SUFFIX(norm_row)(width, x, gain, bias, epsilon, x);
    }
}

static TARGET void SUFFIX(mean_rows)(size_t rows, size_t width, const float *x, size_t stride, float *out) {
    float scale = 1.0f / (float)rows;
    size_t whole = width / VW * VW;
    for (size_t i = 0; i < whole; i += VW) {
        vec total = splat(0);
        for (size_t row = 0; row < rows; row++) total += load(x + row * stride + i);
        store(out + i, total * splat(scale));
    }
    for (size_t i = whole; i < width; i++) {
        float total = 0;
        for (size_t row = 0; row < rows; row++) total += x[row * stride + i];
        out[i] = total * scale;
    }
}

static TARGET void SUFFIX(l2_normalize)(size_t width, float *x) {
    size_t whole = width / VW * VW;
    vec squares = splat(0);
    for (size_t i = 0; i < whole; i += VW) squares = FMA(load(x + i), load(x + i), squares);
    float sum = SUFFIX(sum)(squares);
    for (size_t i = whole; i < width; i++) sum += x[i] * x[i];
    float length = __builtin_sqrtf(sum);
    float scale = 1.0f / (length > 1e-12f ? length : 1e-12f);
    for (size_t i = 0; i < whole; i += VW) store(x + i, load(x + i) * splat(scale));
    for (size_t i = whole; i < width; i++) x[i] *= scale;
}

const sie_kernels SUFFIX(sie_kernels) = {
    .name = LEVEL_NAME,
    .gemm = SUFFIX(gemm),
    .attention = SUFFIX(attention),
    .layer_norm = SUFFIX(layer_norm),
    .embed = SUFFIX(embed),
    .mean_rows = SUFFIX(mean_rows),
    .l2_normalize = SUFFIX(l2_normalize),
};
