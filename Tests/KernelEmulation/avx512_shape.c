// The AVX-512 kernels' tiles, 10 x 32 over vectors of 16, made of AVX2 instructions: what they compute can be checked
// on a processor without AVX-512, all but the choice of instructions, which is the compiler's.
#if defined(__x86_64__)
#define SUFFIX(name) name##_avx512_shape
#define TARGET __attribute__((target("avx2,fma")))
#define LEVEL_NAME "avx512-shape"
#define VW 16
#define NV 2
#define MR 10
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#include "kernels_internal.h"
#include "kernels_template.h"
#endif
