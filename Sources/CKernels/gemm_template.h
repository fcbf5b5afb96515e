// Packed weights and products with them. See kernels_template.h.

// Columns of one panel of packed weights: as many as a tile is wide, so that the tiles of a column of the output read
// one unbroken stretch of memory, line after line.
#define NR (NV * VW)

static TARGET size_t SUFFIX(packed_count)(size_t n, size_t k) { return (n + NR - 1) / NR * NR * k; }

typedef float SUFFIX(quad) __attribute__((ext_vector_type(4), aligned(4)));
#define quad SUFFIX(quad)

// Writes four floats of each of four lines as four rows of a panel.
INLINE void SUFFIX(transpose)(const float *lines, size_t stride, float *out) {
    quad a = *(const quad *)lines, b = *(const quad *)(lines + stride);
    quad c = *(const quad *)(lines + 2 * stride), d = *(const quad *)(lines + 3 * stride);
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    quad ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(quad *)out = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(quad *)(out + NR) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(quad *)(out + 2 * NR) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
    *(quad *)(out + 3 * NR) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
}

// Panels [n / NR][k][NR] of weights [n][k].
static TARGET void SUFFIX(pack)(size_t n, size_t k, const float *weight, size_t stride, float *packed) {
    size_t deep = k / 4 * 4;
    for (size_t panel = 0; panel < n; panel += NR) {
        size_t width = n - panel < NR ? n - panel : NR, wide = width / 4 * 4;
        const float *lines = weight + panel * stride;
        float *out = packed + panel * k;
        for (size_t i = 0; i < deep; i += 4)
            for (size_t column = 0; column < wide; column += 4)
                SUFFIX(transpose)(lines + column * stride + i, stride, out + i * NR + column);
        for (size_t i = 0; i < k; i++) {
            for (size_t column = i < deep ? wide : 0; column < width; column++)
                out[i * NR + column] = lines[column * stride + i];
            for (size_t column = width; column < NR; column++) out[i * NR + column] = 0;
        }
    }
}

// A tile, up to MR rows by NR columns of an output, is a product whose pointers begin at the tile: `packed` is its panel.

// Row i of a tile is read at its group's pointer plus (i % 3) strides: what one address of x86 can say, so that
// stepping through k costs an addition for three rows.
#define GROUPS ((MR + 2) / 3)

INLINE void SUFFIX(step)(int rows, const float *const *groups, size_t stride, const float *panel, vec sums[MR][NV]) {
    vec b[NV];
    UNROLLED for (int j = 0; j < NV; j++) b[j] = load(panel + (size_t)j * VW);
    UNROLLED for (int i = 0; i < rows; i++) {
        vec x = splat(groups[i / 3][(size_t)(i % 3) * stride]);
        UNROLLED for (int j = 0; j < NV; j++) sums[i][j] = FMA(x, b[j], sums[i][j]);
    }
}

// The accumulators stay in registers as `rows` is a constant wherever this is inlined. Each output is summed over k in
// order, whatever the height of its tile. The loop is unrolled because its counting competes with the arithmetic for
// the front end, which a neighbour on the same core halves.
INLINE void SUFFIX(run_tile)(int rows, const sie_gemm *t) {
    enum { UNROLL = 8 };
    vec sums[MR][NV];
    UNROLLED for (int i = 0; i < rows; i++)
        UNROLLED for (int j = 0; j < NV; j++) sums[i][j] = splat(0);
    const float *groups[GROUPS], *panel = t->packed;
    size_t stride = t->a_stride, k = t->k;
    UNROLLED for (int g = 0; g < (rows + 2) / 3; g++) groups[g] = t->a + 3 * (size_t)g * stride;
    for (; k >= UNROLL; k -= UNROLL) {
        UNROLLED for (int u = 0; u < UNROLL; u++) {
            SUFFIX(step)(rows, groups, stride, panel, sums);
            panel += NR;
            UNROLLED for (int g = 0; g < (rows + 2) / 3; g++) groups[g]++;
        }
    }
    for (; k > 0; k--) {
        SUFFIX(step)(rows, groups, stride, panel, sums);
        panel += NR;
        UNROLLED for (int g = 0; g < (rows + 2) / 3; g++) groups[g]++;
    }
    if (t->bias)
        UNROLLED for (int j = 0; j < NV; j++) {
            vec bias = load(t->bias + (size_t)j * VW);
            UNROLLED for (int i = 0; i < rows; i++) sums[i][j] += bias;
        }
    if (t->activation == SIE_ACTIVATION_GELU_ERF) {
        // Through memory: the function's constants need the registers that the sums are in.
        float out[MR * NR];
        UNROLLED for (int i = 0; i < rows; i++)
            UNROLLED for (int j = 0; j < NV; j++) store(out + (i * NV + j) * VW, sums[i][j]);
        for (int i = 0; i < rows * NR; i += 2 * VW) {
            vec x[2] = {load(out + i), load(out + i + VW)};
            SUFFIX(gelu)(2, x);
            store(out + i, x[0]);
            store(out + i + VW, x[1]);
        }
        UNROLLED for (int i = 0; i < rows; i++)
            UNROLLED for (int j = 0; j < NV; j++) sums[i][j] = load(out + (i * NV + j) * VW);
    }
    if (t->residual)
        UNROLLED for (int i = 0; i < rows; i++)
            UNROLLED for (int j = 0; j < NV; j++)
                sums[i][j] += load(t->residual + (size_t)i * t->residual_stride + (size_t)j * VW);
    UNROLLED for (int i = 0; i < rows; i++)
        UNROLLED for (int j = 0; j < NV; j++) store(t->c + (size_t)i * t->c_stride + (size_t)j * VW, sums[i][j]);
}

// One function a height, not inlined: a loop around all of them at once leaves no registers for anything.
#define TILE_FUNCTION(rows) \
    static __attribute__((noinline)) TARGET void SUFFIX(tile_##rows)(const sie_gemm *t) { SUFFIX(run_tile)(rows, t); }

TILE_FUNCTION(1) TILE_FUNCTION(2)
#if MR >= 6
TILE_FUNCTION(3) TILE_FUNCTION(4) TILE_FUNCTION(5) TILE_FUNCTION(6)
#endif
#if MR >= 10
TILE_FUNCTION(7) TILE_FUNCTION(8) TILE_FUNCTION(9) TILE_FUNCTION(10)
#endif

// By height less one.
static void (*const SUFFIX(tiles)[MR])(const sie_gemm *) = {
    SUFFIX(tile_1), SUFFIX(tile_2),
#if MR >= 6
    SUFFIX(tile_3), SUFFIX(tile_4), SUFFIX(tile_5), SUFFIX(tile_6),
#endif
#if MR >= 10
    SUFFIX(tile_7), SUFFIX(tile_8), SUFFIX(tile_9), SUFFIX(tile_10),
#endif
};

// A tile of which only `width` columns exist: the same arithmetic on a copy, then only what exists is stored.
static TARGET void SUFFIX(edge_tile)(size_t rows, size_t width, const sie_gemm *t) {
    float bias[NR] = {0}, residual[MR * NR] = {0}, out[MR * NR];
    sie_gemm copy = *t;
    copy.c = out;
    copy.c_stride = NR;
    if (t->bias) {
        __builtin_memcpy(bias, t->bias, width * sizeof(float));
        copy.bias = bias;
    }
    if (t->residual) {
        for (size_t i = 0; i < rows; i++)
            __builtin_memcpy(residual + i * NR, t->residual + i * t->residual_stride, width * sizeof(float));
        copy.residual = residual;
        copy.residual_stride = NR;
    }
    SUFFIX(tiles)[rows - 1](&copy);
    for (size_t i = 0; i < rows; i++) __builtin_memcpy(t->c + i * t->c_stride, out + i * NR, width * sizeof(float));
}

static TARGET void SUFFIX(gemm)(const sie_gemm *op) {
    // Rows go in blocks whose part of `a` stays in the second-level cache while all panels pass over it.
    enum { BLOCK = 120, LINE = 16 };
    for (size_t block = 0; block < op->m; block += BLOCK) {
        size_t end = block + BLOCK < op->m ? block + BLOCK : op->m;
        size_t heights = (end - block + MR - 1) / MR;
        for (size_t column = 0; column < op->n; column += NR) {
            size_t width = op->n - column < NR ? op->n - column : NR;
            sie_gemm t = *op;
            t.packed = op->packed + column * op->k;
            if (op->bias) t.bias = op->bias + column;
            // Each tile fetches its share of the next panel into the second-level cache.
            const float *next = column + NR < op->n ? t.packed + NR * op->k : op->packed;
            const float *next_end = next + NR * op->k;
            size_t share = (NR * op->k / LINE + heights) / heights * LINE;
            for (size_t row = block; row < end; row += MR) {
                for (size_t i = 0; i < share && next < next_end; i += LINE, next += LINE) __builtin_prefetch(next, 0, 2);
                size_t rows = end - row < MR ? end - row : MR;
                t.a = op->a + row * op->a_stride;
                t.c = op->c + row * op->c_stride + column;
                if (op->residual) t.residual = op->residual + row * op->residual_stride + column;
                if (width == NR)
                    SUFFIX(tiles)[rows - 1](&t);
                else
                    SUFFIX(edge_tile)(rows, width, &t);
            }
        }
    }
}
