// What the C library only declares for those who ask for GNU's extensions.
#pragma once

#ifdef __linux__

// Makes everything durable that was written to the file system of an open file; 0, or -1 with errno.
int syncfs(int descriptor);

#endif
