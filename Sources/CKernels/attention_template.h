// Attention within one sequence. See kernels_template.h.

// Rows of scores made at a time: few enough that they stay in the first-level cache between the two products.
#define SCORE_ROWS (4 * MR)

static TARGET size_t SUFFIX(attention_scratch)(size_t tokens, size_t head_dim) {
    size_t padded = (tokens + NR - 1) / NR * NR;
    return padded * head_dim + SUFFIX(packed_count)(head_dim, tokens) + SCORE_ROWS * padded;
}

// The largest of `count` scores. Memory up to a whole vector may be read.
INLINE float SUFFIX(row_maximum)(const float *x, size_t count) {
    vec low = splat(-__builtin_inff()), top = low;
    size_t i = 0;
    for (; i + VW <= count; i += VW) top = SUFFIX(max)(top, load(x + i));
    if (i < count) top = SUFFIX(max)(top, SUFFIX(first)(count - i, load(x + i), low));
    return SUFFIX(largest)(top);
}

// Replaces `count` scores by e^(score - largest) and sums them. Memory up to a whole vector may be written.
INLINE float SUFFIX(exponentials)(float *x, size_t count, float largest) {
    vec total = splat(0), shift = splat(largest);
    size_t i = 0;
    for (; i + 4 * VW <= count; i += 4 * VW) {
        vec e[4];
        UNROLLED for (size_t u = 0; u < 4; u++) e[u] = load(x + i + u * VW) - shift;
        SUFFIX(exp)(4, e);
        UNROLLED for (size_t u = 0; u < 4; u++) store(x + i + u * VW, e[u]);
        total += (e[0] + e[1]) + (e[2] + e[3]);
    }
    for (; i < count; i += VW) {
        vec e = load(x + i) - shift;
        SUFFIX(exp)(1, &e);
        if (count - i < VW) e = SUFFIX(first)(count - i, e, splat(0));
        store(x + i, e);
        total += e;
    }
    return SUFFIX(sum)(total);
}

INLINE void SUFFIX(scale)(float *x, size_t count, float factor) {
    size_t i = 0;
    for (; i + VW <= count; i += VW) store(x + i, load(x + i) * splat(factor));
    for (; i < count; i++) x[i] *= factor;
}

// Per head: k^T and v are packed as weights are, and both products go through the tiles. Softmax's division is left to
// the output's rows, which are shorter than those of the scores. Maximum, exponentials and sums each pass over all rows
// of a block: a row's own steps wait for each other, those of different rows do not.
static TARGET void SUFFIX(attention)(const sie_attention *op) {
    size_t s = op->tokens, d = op->head_dim;
    size_t padded = (s + NR - 1) / NR * NR;
    float *keys = op->scratch;
    float *values = keys + padded * d;
    float *scores = values + SUFFIX(packed_count)(d, s);
    float maxima[SCORE_ROWS], sums[SCORE_ROWS];
    for (size_t head = 0; head < op->heads; head++) {
        const float *k = op->k + head * d, *v = op->v + head * d, *q = op->q + head * d;
        SUFFIX(pack)(s, d, k, op->stride, keys);
        for (size_t column = 0; column < d; column += NR) {
            float *panel = values + column * s;
            size_t width = d - column < NR ? d - column : NR;
            for (size_t j = 0; j < s; j++) {
                __builtin_memcpy(panel + j * NR, v + j * op->stride + column, width * sizeof(float));
                for (size_t i = width; i < NR; i++) panel[j * NR + i] = 0;
            }
        }
        for (size_t row = 0; row < s; row += SCORE_ROWS) {
            size_t rows = s - row < SCORE_ROWS ? s - row : SCORE_ROWS;
            float *out = op->out + row * op->out_stride + head * d;
            sie_gemm product = {.m = rows, .n = padded, .k = d, .a = q + row * op->stride, .a_stride = op->stride,
                                .packed = keys, .c = scores, .c_stride = padded};
            SUFFIX(gemm)(&product);
            for (size_t i = 0; i < rows; i++) maxima[i] = SUFFIX(row_maximum)(scores + i * padded, s);
            for (size_t i = 0; i < rows; i++) sums[i] = SUFFIX(exponentials)(scores + i * padded, s, maxima[i]);
            sie_gemm mix = {.m = rows, .n = d, .k = s, .a = scores, .a_stride = padded, .packed = values, .c = out,
                            .c_stride = op->out_stride};
            SUFFIX(gemm)(&mix);
            for (size_t i = 0; i < rows; i++) SUFFIX(scale)(out + i * op->out_stride, d, 1.0f / sums[i]);
        }
    }
}
