// AVX-512: 10 x 32 tiles in 32 registers.
#if defined(__x86_64__)
#define SUFFIX(name) name##_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")))
#define LEVEL_NAME "avx512"
#define VW 16
#define NV 2
#define MR 10
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#include "kernels_internal.h"
#include "kernels_template.h"
#endif
