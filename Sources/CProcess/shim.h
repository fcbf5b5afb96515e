// What Swift cannot import from libc: prctl is variadic.
#ifndef SIE_CPROCESS_SHIM_H
#define SIE_CPROCESS_SHIM_H

#include <errno.h>

#if defined(__linux__)
#include <sys/prctl.h>

/// Asks the kernel to send `signal` to this process when the thread that created it ends.
/// Survives exec. Returns 0, or an errno value.
static inline int cprocess_signal_on_parent_death(int signal) {
    return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0ul, 0ul, 0ul) == 0 ? 0 : errno;
}
#else
static inline int cprocess_signal_on_parent_death(int signal) {
    (void)signal;
    return ENOSYS;
}
#endif

#endif
