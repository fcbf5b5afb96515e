// Operations on whole rows: layer norm, embedding, pooling. See kernels_template.h.

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
