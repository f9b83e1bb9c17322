// Makes each flush of a file take FLUSH_MICROSECONDS longer. Loaded by LD_PRELOAD.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int file) {
  static int (*flush)(int);
  static int delay;
  if (!flush) {
    const char *microseconds = getenv("FLUSH_MICROSECONDS");
    delay = microseconds ? atoi(microseconds) : 0;
    flush = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  }
  if (delay > 0) usleep(delay);
  return flush(file);
}
