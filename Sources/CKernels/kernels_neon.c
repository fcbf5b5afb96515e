// NEON of 64-bit Arm: 6 x 16 tiles in 32 registers.
#if defined(__aarch64__)
#define SUFFIX(name) name##_neon
#define TARGET
#define LEVEL_NAME "neon"
#define VW 4
#define NV 4
#define MR 6
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#include "kernels_internal.h"
#include "kernels_template.h"
#endif
