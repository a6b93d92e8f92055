/* The guest's first program: mounts the file systems, says what TPM there is, and keeps a shell on the serial port.
   A program instead of a script, because under an emulator each started process costs milliseconds. */
#include "syscalls.h"

#define CONSOLE "/dev/ttyS0"
enum { O_RDWR = 2, TIOCSCTTY = 0x540e, SIGUSR1 = 10, SIGUSR2 = 12, SIGTERM = 15 };
enum { MAGIC1 = 0xfee1dead, MAGIC2 = 672274793, RESTART = 0x01234567, HALT = 0xcdef0123, POWER_OFF = 0x4321fedc };

#define TCTI "TPM2TOOLS_TCTI=device:"

static const char *environment[] = {
  "HOME=/root", "PATH=/bin", "TERM=xterm-256color", "PS1=webtpm# ", TCTI "/dev/tpm0", 0,
};
enum { TCTI_ENTRY = 4 };

static void mount(const char *type, const char *path) {
  if (syscall5(SYS_mount, (long)type, (long)path, (long)type, 0, 0) < 0) {
    print("init: cannot mount ");
    print(path);
    print("\n");
  }
}

static void shut_down(unsigned how) {
  CALL(sync, 0, 0, 0);
  syscall5(SYS_reboot, MAGIC1, MAGIC2, how, 0, 0);
}

/* busybox's reboot, poweroff and halt tell process 1 by a signal. */
static void on_signal(int number) {
  shut_down(number == SIGTERM ? RESTART : number == SIGUSR2 ? POWER_OFF : HALT);
}

static void open_console(void) {
  long file = CALL(open, CONSOLE, O_RDWR, 0);
  if (file < 0) return;
  for (int target = 0; target < 3; target++) CALL(dup2, file, target, 0);
  if (file > 2) CALL(close, file, 0, 0);
}

/* tpm2-tools is one program that goes by the name it was called with. Its many names come as a list, one a line: made
   here they cost a fifth of what they cost as entries of the image. */
static void link_tools(void) {
  static char names[8192];
  static char path[64] = "/bin/";
  long file = CALL(open, "/etc/tpm2-commands", 0, 0);
  if (file < 0) return;
  long size = CALL(read, file, names, sizeof names);
  CALL(close, file, 0, 0);
  unsigned end = 5;
  for (long i = 0; i < size; i++) {
    if (names[i] != '\n') {
      if (end < sizeof path - 1) path[end++] = names[i];
      continue;
    }
    path[end] = 0;
    CALL(symlink, "tpm2", path, 0);
    end = 5;
  }
}

static void greet(char tpm) {
  static char name[6][65];
  CALL(uname, name, 0, 0);
  print("\nWebTPM guest, Linux ");
  print(name[2]);
  if (tpm == '2') print(", TPM 2.0\nTry: tpm2_pcrread sha256 | tpm2_getrandom --hex 16 | tpm2_createprimary -c key.ctx\n");
  else if (tpm == '1') print(", TPM 1.2\nTry: cat /sys/class/tpm/tpm0/pcrs\n");
  else print(", no TPM\nTry: dmesg\n");
}

static long start_shell(void) {
  static const char *const arguments[] = { "sh", 0 };
  long child = CALL(fork, 0, 0, 0);
  if (child != 0) return child;
  CALL(setsid, 0, 0, 0);
  open_console();
  CALL(ioctl, 0, TIOCSCTTY, 1);
  /* Through the kernel's resource manager a session of tools cannot run out of the TPM's few object slots. */
  if (CALL(access, "/dev/tpmrm0", 0, 0) == 0) environment[TCTI_ENTRY] = TCTI "/dev/tpmrm0";
  CALL(execve, "/bin/busybox", arguments, environment);
  print("init: cannot start /bin/busybox\n");
  CALL(exit, 127, 0, 0);
  return -1;
}

__attribute__((used)) static void entry(void) {
  mount("devtmpfs", "/dev");
  mount("proc", "/proc");
  mount("sysfs", "/sys");
  mount("securityfs", "/sys/kernel/security");
  CALL(mkdir, "/dev/pts", 0755, 0);
  mount("devpts", "/dev/pts");
  CALL(sethostname, "webtpm", 6, 0);
  CALL(signal, SIGTERM, on_signal, 0);
  CALL(signal, SIGUSR1, on_signal, 0);
  CALL(signal, SIGUSR2, on_signal, 0);
  link_tools();
  CALL(chdir, "/root", 0, 0);
  open_console();
  greet(first_byte(TPM_VERSION_FILE));
  for (;;) {
    long shell = start_shell();
    if (shell < 0) print("init: cannot fork\n");
    while (CALL(waitpid, -1, 0, 0) != shell) {}
  }
}

START(entry);
