// What the levels' files share with the dispatcher.
#pragma once

#include "ckernels.h"

/// Rows of attention scores made at a time.
enum { SIE_ATTENTION_ROWS = 60 };

extern const sie_kernels sie_kernels_portable;
#if defined(__x86_64__)
extern const sie_kernels sie_kernels_avx2;
extern const sie_kernels sie_kernels_avx512;
#endif
#if defined(__aarch64__)
extern const sie_kernels sie_kernels_neon;
#endif
