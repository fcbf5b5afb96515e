// Linux's epoll, which Swift's module of the C library leaves out.
#pragma once

#ifdef __linux__
#include <sys/epoll.h>
#endif
