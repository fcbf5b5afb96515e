// Compares the kernels of one level with plain double-precision arithmetic, like KernelTests.swift, in a program that
// needs nothing but the C library: it runs under an emulator of a processor this machine does not have.
//
//     check_kernels LEVEL     portable, avx2, avx512, avx512-shape or neon
//
// Exits with 1 when a kernel is wrong, with 2 when this processor does not run the level.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckernels.h"

static uint64_t state = 42;
static int checks, failures;

static float uniform(void) { // in [-1, 1), by xorshift64*
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (float)((double)((state * 2685821657736338717ull) >> 40) / (1 << 23) - 1);
}

static float *floats(size_t count) { return calloc(count + 1, sizeof(float)); }

static float *uniforms(size_t count) {
    float *x = floats(count);
    for (size_t i = 0; i < count; i++) x[i] = uniform();
    return x;
}

static void expect(double found, double expected, double tolerance, const char *what, size_t size) {
    checks++;
    if (fabs(found - expected) <= tolerance) return;
    if (failures++ < 20) printf("%s of size %zu: %.9g, expected %.9g\n", what, size, found, expected);
}

static void check_gemm(const sie_kernels *kernels, size_t m, size_t n, size_t k, bool activates, bool adds) {
    float *a = uniforms(m * k), *weight = uniforms(n * k), *bias = uniforms(n), *residual = uniforms(m * n);
    float *packed = floats(kernels->packed_count(n, k)), *c = floats(m * n);
    kernels->pack(n, k, weight, k, packed);
    sie_gemm op = {.m = m, .n = n, .k = k, .a = a, .a_stride = k, .packed = packed, .bias = bias,
                   .activation = activates ? SIE_ACTIVATION_GELU_ERF : SIE_ACTIVATION_NONE,
                   .residual = adds ? residual : 0, .residual_stride = n, .c = c, .c_stride = n};
    kernels->gemm(&op);
    for (size_t row = 0; row < m; row++)
        for (size_t column = 0; column < n; column++) {
            double sum = bias[column];
            for (size_t i = 0; i < k; i++) sum += (double)a[row * k + i] * weight[column * k + i];
            if (activates) sum *= 0.5 * (1 + erf(sum / sqrt(2)));
            if (adds) sum += residual[row * n + column];
            expect(c[row * n + column], sum, 2e-5, "gemm", m * 1000000 + n * 1000 + k);
        }
    // One row alone has the bits it has among others.
    float *alone = floats(n);
    op.a = a + (m - 1) * k;
    op.c = alone;
    op.residual = adds ? residual + (m - 1) * n : 0;
    op.m = 1;
    kernels->gemm(&op);
    expect(memcmp(alone, c + (m - 1) * n, n * sizeof(float)), 0, 0, "row invariance", m);
    free(a), free(weight), free(bias), free(residual), free(packed), free(c), free(alone);
}

// `shift` moves queries and keys away from each other: scores so low that every e^score alone would be zero, and so
// large that their float32 rounding shows.
static void check_attention(const sie_kernels *kernels, size_t tokens, float shift) {
    enum { HEADS = 2, WIDTH = 24, STRIDE = 3 * HEADS * WIDTH };
    float *qkv = uniforms(tokens * STRIDE), *out = floats(tokens * HEADS * WIDTH);
    float *scratch = floats(kernels->attention_scratch(tokens, WIDTH));
    double *scores = calloc(tokens, sizeof(double)), tolerance = shift > 0 ? 2e-4 : 1e-5;
    for (size_t i = 0; i < tokens * STRIDE; i++)
        qkv[i] += i % STRIDE < HEADS * WIDTH ? shift : i % STRIDE < 2 * HEADS * WIDTH ? -shift : 0;
    sie_attention op = {.tokens = tokens, .heads = HEADS, .head_dim = WIDTH, .q = qkv, .k = qkv + HEADS * WIDTH,
                        .v = qkv + 2 * HEADS * WIDTH, .stride = STRIDE, .out = out, .out_stride = HEADS * WIDTH,
                        .scratch = scratch};
    kernels->attention(&op);
    for (size_t head = 0; head < HEADS; head++)
        for (size_t row = 0; row < tokens; row++) {
            double total = 0, largest = -INFINITY;
            for (size_t other = 0; other < tokens; other++) {
                double score = 0;
                for (size_t i = 0; i < WIDTH; i++)
                    score += (double)qkv[row * STRIDE + head * WIDTH + i]
                        * qkv[other * STRIDE + (HEADS + head) * WIDTH + i];
                scores[other] = score;
                largest = fmax(largest, score);
            }
            for (size_t other = 0; other < tokens; other++) total += scores[other] = exp(scores[other] - largest);
            for (size_t i = 0; i < WIDTH; i++) {
                double expected = 0;
                for (size_t other = 0; other < tokens; other++)
                    expected += scores[other] / total * qkv[other * STRIDE + (2 * HEADS + head) * WIDTH + i];
                expect(out[(row * HEADS + head) * WIDTH + i], expected, tolerance, "attention", tokens);
            }
        }
    free(qkv), free(out), free(scratch), free(scores);
}

static void check_rows(const sie_kernels *kernels, size_t width) {
    enum { ROWS = 5 };
    const float epsilon = 1e-5f;
    float *tables = uniforms(3 * ROWS * width), *gain = uniforms(width), *bias = uniforms(width);
    float *sums = floats(ROWS * width), *normed = floats(ROWS * width), *embedded = floats(ROWS * width);
    const int32_t ids[ROWS] = {4, 0, 3, 3, 1}, positions[ROWS] = {0, 1, 2, 3, 4}, types[ROWS] = {0, 0, 1, 1, 4};
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = 0; i < width; i++)
            sums[row * width + i] = tables[(size_t)ids[row] * width + i]
                + tables[(ROWS + (size_t)positions[row]) * width + i]
                + tables[(2 * ROWS + (size_t)types[row]) * width + i];
    kernels->layer_norm(ROWS, width, sums, width, gain, bias, epsilon, normed, width);
    kernels->embed(ROWS, width, ids, positions, types, tables, tables + ROWS * width, tables + 2 * ROWS * width, gain,
                   bias, epsilon, embedded);
    float *mean = floats(width);
    kernels->mean_rows(ROWS, width, sums, width, mean);
    double squares = 0;
    for (size_t i = 0; i < width; i++) {
        double total = 0;
        for (size_t row = 0; row < ROWS; row++) total += sums[row * width + i];
        expect(mean[i], total / ROWS, 1e-6, "mean", width);
        squares += (double)mean[i] * mean[i];
    }
    for (size_t row = 0; row < ROWS; row++) {
        double total = 0, variance = 0;
        for (size_t i = 0; i < width; i++) total += sums[row * width + i];
        for (size_t i = 0; i < width; i++) variance += pow(sums[row * width + i] - total / width, 2) / width;
        for (size_t i = 0; i < width; i++) {
            double expected = (sums[row * width + i] - total / width) / sqrt(variance + epsilon) * gain[i] + bias[i];
            expect(normed[row * width + i], expected, 1e-4, "layer norm", width);
            expect(embedded[row * width + i], expected, 1e-4, "embedding", width);
        }
    }
    float *unit = floats(width);
    memcpy(unit, mean, width * sizeof(float));
    kernels->l2_normalize(width, unit);
    for (size_t i = 0; i < width; i++) expect(unit[i], mean[i] / sqrt(squares), 1e-5, "unit length", width);
    free(tables), free(gain), free(bias), free(sums), free(normed), free(embedded), free(mean), free(unit);
}

#if defined(__x86_64__)
extern const sie_kernels sie_kernels_avx512_shape;
#endif

int main(int count, char **arguments) {
    static const char *names[] = {"portable", "avx2", "avx512", "neon"};
    static const sie_cpu_level levels[] = {SIE_CPU_PORTABLE, SIE_CPU_AVX2, SIE_CPU_AVX512, SIE_CPU_NEON};
    const sie_kernels *kernels = 0;
    const char *wanted = count == 2 ? arguments[1] : "";
    for (size_t i = 0; i < 4; i++)
        if (!strcmp(wanted, names[i]) && sie_cpu_supports(levels[i])) kernels = sie_kernels_of(levels[i]);
#if defined(__x86_64__)
    if (!strcmp(wanted, "avx512-shape") && sie_cpu_supports(SIE_CPU_AVX2)) kernels = &sie_kernels_avx512_shape;
#endif
    if (!kernels) {
        printf("\"%s\": not a level this processor runs\n", wanted);
        return 2;
    }
    for (size_t i = 1; i <= 20; i++) check_gemm(kernels, i, 7 + i * 5, 3 + i, i % 2, i % 3 == 0);
    static const size_t shapes[][3] = {{130, 33, 64}, {1, 1, 1}, {121, 96, 100}, {2, 2, 384}, {37, 31, 17}};
    for (size_t i = 0; i < 5; i++) check_gemm(kernels, shapes[i][0], shapes[i][1], shapes[i][2], i % 2, i % 3);
    for (size_t tokens = 1; tokens <= 70; tokens++) check_attention(kernels, tokens, 0);
    check_attention(kernels, 13, 4), check_attention(kernels, 100, 4);
    static const size_t widths[] = {1, 3, 4, 15, 16, 17, 33, 384};
    for (size_t i = 0; i < 8; i++) check_rows(kernels, widths[i]);
    printf("%s kernels: %d checks, %d failed\n", kernels->name, checks, failures);
    return failures ? 1 : 0;
}
