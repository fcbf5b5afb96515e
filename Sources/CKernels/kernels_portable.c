// Plain C for any processor: no instruction beyond the target's baseline is used.
#define SUFFIX(name) name##_portable
#define TARGET
#define LEVEL_NAME "portable"
#define VW 4
#define NV 4
#define MR 2
#define FMA(a, b, c) ((a) * (b) + (c))
#include "kernels_internal.h"
#include "kernels_template.h"
