#ifndef SIE_CSPAWN_H
#define SIE_CSPAWN_H

#include <spawn.h>

/// What a spawned process does before it begins: two GNU extensions, which Swift's view of glibc leaves out.

/// Starts in `path`.
int sie_spawn_change_directory(posix_spawn_file_actions_t *actions, const char *path);

/// Closes every file from number `first` on.
int sie_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

#endif
