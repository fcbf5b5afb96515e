// What the levels' files share with the dispatcher.
#pragma once

#include "ckernels.h"

extern const sie_kernels sie_kernels_portable;
#if defined(__x86_64__)
extern const sie_kernels sie_kernels_avx2;
extern const sie_kernels sie_kernels_avx512;
#endif
#if defined(__aarch64__)
extern const sie_kernels sie_kernels_neon;
#endif
