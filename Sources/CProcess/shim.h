// What Swift cannot import from libc: prctl is variadic, and glibc's module leaves <malloc.h> out.
#ifndef SIE_CPROCESS_SHIM_H
#define SIE_CPROCESS_SHIM_H

#include <errno.h>

#if defined(__GLIBC__)
#include <malloc.h>

/// Makes all threads share one heap, and keeps long buffers out of it. By default each thread gets a heap of its own, and
/// what one of them frees no other one can use; and once a long buffer was freed, others as long come from the heap, where
/// they leave holes. Threads that have a heap already keep it, so this is to be called early.
static inline void cprocess_share_one_heap(void) {
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

/// Takes buffers of up to 4 MB from the heap and keeps 16 MB of it that are free. By default an answer of some hundreds of
/// kilobytes is asked of the kernel anew each time, page by page.
static inline void cprocess_keep_long_buffers(void) {
    (void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

/// Gives memory that was freed back to the system.
static inline void cprocess_return_free_memory(void) { (void)malloc_trim(0); }
#else
static inline void cprocess_share_one_heap(void) {}
static inline void cprocess_keep_long_buffers(void) {}
static inline void cprocess_return_free_memory(void) {}
#endif

#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Whether this thread may run on a processor: 1 or 0. The macros for the C library's set are none that Swift imports.
static inline int cprocess_may_run_on(int processor) {
    unsigned long mask[128] = {0};
    const int bits = 8 * (int)sizeof(unsigned long);
    if (processor < 0 || processor >= 128 * bits) return 0;
    if (syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask) < 0) return 0;
    return (int)(mask[processor / bits] >> (processor % bits) & 1);
}

/// Asks the kernel to send `signal` to this process when the thread that created it ends.
/// Survives exec. Returns 0, or an errno value.
static inline int cprocess_signal_on_parent_death(int signal) {
    return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0ul, 0ul, 0ul) == 0 ? 0 : errno;
}
#else
static inline int cprocess_may_run_on(int processor) {
    (void)processor;
    return 0;
}
static inline int cprocess_signal_on_parent_death(int signal) {
    (void)signal;
    return ENOSYS;
}
#endif

#endif
