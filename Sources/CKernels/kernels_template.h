// The kernels, written once over vectors of VW floats. A level's file defines, before including this:
//   SUFFIX(name)   the name with the level's suffix
//   TARGET         the function attribute that allows the level's instructions
//   LEVEL_NAME     the level's name as a string
//   VW             floats per vector register
//   NV             vectors a tile is wide
//   MR             rows a tile is high: MR * NV accumulators, NV panel vectors and a broadcast must fit the registers
//   FMA(a, b, c)   a * b + c on vectors
//
// No include guards below: every level includes all of it once.

#include "ckernels.h"

#define INLINE static inline __attribute__((always_inline)) TARGET

#include "vector_template.h"

#include "gemm_template.h"

#include "attention_template.h"

#include "rows_template.h"

const sie_kernels SUFFIX(sie_kernels) = {
    .name = LEVEL_NAME,
    .packed_count = SUFFIX(packed_count),
    .pack = SUFFIX(pack),
    .gemm = SUFFIX(gemm),
    .attention_scratch = SUFFIX(attention_scratch),
    .attention = SUFFIX(attention),
    .layer_norm = SUFFIX(layer_norm),
    .embed = SUFFIX(embed),
    .mean_rows = SUFFIX(mean_rows),
    .l2_normalize = SUFFIX(l2_normalize),
};
