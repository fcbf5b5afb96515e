/// What a core can do at most: multiply-adds on registers alone, as a floor for the kernels to be measured against.
#pragma once

#include <stddef.h>

/// Runs `rounds` of independent fused multiply-adds, enough of them at a time to hide their latency, on vectors of
/// `lanes` floats: 4 (the target's baseline; a multiplication and an addition on x86), 8 (AVX2) or 16 (AVX-512). The
/// processor must have the instructions.
///
/// Returns the floating-point operations done; 0 where this build has no vectors of that width.
double peak_multiply_add(int lanes, size_t rounds);
