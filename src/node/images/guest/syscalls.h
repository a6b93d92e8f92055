/* Linux system calls for i386 without a C library: int 0x80, number in eax, arguments in ebx, ecx, edx, esi, edi. */
#ifndef WEBTPM_SYSCALLS_H
#define WEBTPM_SYSCALLS_H

enum {
  SYS_exit = 1, SYS_fork = 2, SYS_read = 3, SYS_write = 4, SYS_open = 5, SYS_close = 6, SYS_waitpid = 7,
  SYS_execve = 11, SYS_chdir = 12, SYS_mount = 21, SYS_access = 33, SYS_sync = 36, SYS_mkdir = 39,
  SYS_signal = 48, SYS_ioctl = 54, SYS_dup2 = 63, SYS_setsid = 66, SYS_sethostname = 74, SYS_symlink = 83, SYS_reboot = 88,
  SYS_mmap = 90, SYS_uname = 122,
};

static inline long syscall5(long number, long a, long b, long c, long d, long e) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
  return result;
}

#define CALL(number, a, b, c) syscall5(SYS_##number, (long)(a), (long)(b), (long)(c), 0, 0)

static inline unsigned length(const char *text) {
  unsigned count = 0;
  while (text[count]) count++;
  return count;
}

static inline int equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

/* Writes text to standard output. */
static inline void print(const char *text) { CALL(write, 1, text, length(text)); }

static inline void print_number(unsigned value) {
  char digits[11];
  int position = 10;
  digits[10] = 0;
  do digits[--position] = '0' + value % 10;
  while (value /= 10);
  print(digits + position);
}

/* The first byte of a file, or 0 when it cannot be read. */
static inline char first_byte(const char *path) {
  char byte = 0;
  long file = CALL(open, path, 0, 0);
  if (file < 0) return 0;
  if (CALL(read, file, &byte, 1) != 1) byte = 0;
  CALL(close, file, 0, 0);
  return byte;
}

#define TPM_VERSION_FILE "/sys/class/tpm/tpm0/tpm_version_major"

/* The kernel leaves argc, argv and envp on the stack of a new program. */
#define START(entry)                                                                                      \
  __asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n" \
          "\tpush %eax\n\tcall " #entry "\n")

#endif
