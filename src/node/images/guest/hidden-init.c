/*
 * The only program of ours in the hidden TPM machine: process 1. It brings up four virtio-console ports, waits
 * for the word to start, credits the browser's entropy to the kernel, and only then runs Debian's swtpm. The data
 * port is swtpm's own (its chardev mode reads and writes it directly); the control port is relayed into a socket
 * pair, because swtpm's control channel wants a socket.
 *
 *   /dev/vport0p0  modular exponentiations that the host does for swtpm (modexp.c)
 *   /dev/vport0p1  TPM commands and responses
 *   /dev/vport0p2  swtpm's control channel
 *   /dev/vport0p3  management, see below
 *
 * Management, from the host:  'S' version flags n entropy[n]   start swtpm; version 1 or 2
 * Management, to the host:    'R'               nothing runs; a start request may be sent (the machine is saved here)
 *                             'G' bytes[32]     a sample of the kernel's generator (when FLAG_SAMPLE asked for it)
 *                             'K'               swtpm was started
 *                             'A'               one full page of control bytes was taken (flow control)
 *                             'E' step errno    the start failed at STEP_*; the TPM does not run
 *                             'X' status[4]     swtpm ended with this wait status (little endian)
 *
 * No C library: plain system calls of i386 (int 0x80), so that it builds with Debian's gcc -m32 alone.
 */

typedef unsigned char u8;
typedef unsigned int u32;

enum { SYS_exit = 1, SYS_fork = 2, SYS_read = 3, SYS_write = 4, SYS_open = 5, SYS_close = 6, SYS_waitpid = 7,
       SYS_execve = 11, SYS_mount = 21, SYS_umount = 22, SYS_mkdir = 39, SYS_ioctl = 54, SYS_fcntl = 55,
       SYS_dup2 = 63, SYS_poll = 168, SYS_getrandom = 355, SYS_socketpair = 360 };

enum { O_RDWR = 2, O_NONBLOCK = 04000, F_SETFL = 4, POLLIN = 1, POLLERR_HUP = 0x18, AF_UNIX = 1, SOCK_STREAM = 1 };

/* random(4): _IOW('R', 3, int[2]) and _IO('R', 7). */
enum { RNDADDENTROPY = 0x40085203, RNDRESEEDCRNG = 0x5207 };

enum { FLAG_RESEED = 1, FLAG_SAMPLE = 2, FLAG_MODEXP = 4 };
enum { STEP_REQUEST = 1, STEP_ENTROPY = 2, STEP_RESEED = 3, STEP_STATE = 4, STEP_START = 5 };

/* File descriptors that swtpm is given. */
enum { SWTPM_DATA = 10, SWTPM_CONTROL = 11, SWTPM_MODEXP = 12 };

enum { PAGE = 4096 };

struct pollfd { int fd; short events, revents; };
struct pool { int bits, size; u8 bytes[255]; };

static int modexp_port, data_port, control_port, management_port;
/* Of the request that swtpm is started by. */
static int flags;

static int call(int number, int a, int b, int c, int d, int e)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
    return result;
}
#define SYS(number, a, b, c) call(SYS_##number, (int)(a), (int)(b), (int)(c), 0, 0)

static void say(const char *text)
{
    int length = 0;
    while (((const volatile char *)text)[length]) /* volatile: gcc would call strlen */
        length++;
    SYS(write, 2, text, length);
}

static int write_all(int fd, const void *from, int count)
{
    const u8 *bytes = from;
    while (count > 0) {
        int done = SYS(write, fd, bytes, count);
        if (done <= 0)
            return done ? done : -1;
        bytes += done;
        count -= done;
    }
    return 0;
}

static int read_all(int fd, void *into, int count)
{
    u8 *bytes = into;
    while (count > 0) {
        int done = SYS(read, fd, bytes, count);
        if (done <= 0)
            return done ? done : -1;
        bytes += done;
        count -= done;
    }
    return 0;
}

static void report(char kind) { write_all(management_port, &kind, 1); }

static void report_failure(u8 step, int error)
{
    u8 message[3] = { 'E', step, (u8)-error };
    write_all(management_port, message, sizeof message);
}

/* The ports appear once the kernel and the host have agreed on them; nothing announces that to us. */
static int open_port(const char *path)
{
    struct pollfd none;
    for (int tries = 0; tries < 500; tries++) {
        int fd = SYS(open, path, O_RDWR, 0);
        if (fd >= 0)
            return fd;
        call(SYS_poll, (int)&none, 0, 10, 0, 0);
    }
    say("cannot open ");
    say(path);
    say("\n");
    return -1;
}

/* One request to the kernel's generator. */
static int ask_generator(int request, struct pool *pool)
{
    int fd = SYS(open, "/dev/urandom", O_RDWR, 0);
    if (fd < 0)
        return fd;
    int result = SYS(ioctl, fd, request, pool);
    SYS(close, fd, 0, 0);
    return result;
}

/* Credits `pool` and makes the generator draw on it now: writing to /dev/urandom would do neither. */
static int add_entropy(struct pool *pool)
{
    int result = ask_generator(RNDADDENTROPY, pool);
    if (result < 0) {
        report_failure(STEP_ENTROPY, result);
        return -1;
    }
    result = ask_generator(RNDRESEEDCRNG, 0);
    if (result < 0) {
        report_failure(STEP_RESEED, result);
        return -1;
    }
    return 0;
}

/* What an earlier swtpm left unread must not become a command of the next one. */
static void drain(int port)
{
    u8 discard[256];
    SYS(fcntl, port, F_SETFL, O_RDWR | O_NONBLOCK);
    while (SYS(read, port, discard, sizeof discard) > 0)
        ;
    SYS(fcntl, port, F_SETFL, O_RDWR);
}

/* Waits for a start request and obeys it up to the point where swtpm may run. Returns the TPM's major version. */
static int prepare_start(void)
{
    u8 request[4];
    struct pool pool;
    if (read_all(management_port, request, sizeof request) < 0 || request[0] != 'S' ||
        (request[1] != 1 && request[1] != 2) || read_all(management_port, pool.bytes, request[3]) < 0) {
        report_failure(STEP_REQUEST, -22);
        return -1;
    }
    pool.bits = 8 * request[3];
    pool.size = request[3];
    flags = request[2];
    if ((flags & FLAG_RESEED) && add_entropy(&pool) < 0)
        return -1;
    for (int i = 0; i < (int)sizeof pool.bytes; i++)
        ((volatile u8 *)pool.bytes)[i] = 0;
    if (flags & FLAG_SAMPLE) {
        u8 sample[33] = { 'G' };
        SYS(getrandom, sample + 1, 32, 0);
        write_all(management_port, sample, sizeof sample);
    }
    /* The state directory is swtpm's scratch; the truth is in the browser. It starts empty each time. */
    SYS(umount, "/state", 0, 0);
    int result = call(SYS_mount, (int)"state", (int)"/state", (int)"tmpfs", 0, 0);
    if (result < 0) {
        report_failure(STEP_STATE, result);
        return -1;
    }
    return request[1];
}

/*
 * OPENSSL_ia32cap=0:0 keeps OpenSSL off its SSE2 code, which an emulator runs slower than the plain code.
 * seccomp is off because the machine itself is the sandbox.
 */
static void run_swtpm(int version, int control)
{
    static const char *const plain[] = { "OPENSSL_ia32cap=0:0", 0 };
    static const char *const helped[] = { "OPENSSL_ia32cap=0:0", "LD_PRELOAD=/lib/modexp.so", 0 };
    static const char *const tpm2[] = { "swtpm", "chardev", "--tpm2", "--fd", "10",
        "--ctrl", "type=unixio,clientfd=11", "--tpmstate", "dir=/state", "--seccomp", "action=none", 0 };
    static const char *const tpm12[] = { "swtpm", "chardev", "--fd", "10",
        "--ctrl", "type=unixio,clientfd=11", "--tpmstate", "dir=/state", "--seccomp", "action=none", 0 };
    SYS(dup2, data_port, SWTPM_DATA, 0);
    SYS(dup2, control, SWTPM_CONTROL, 0);
    SYS(dup2, modexp_port, SWTPM_MODEXP, 0);
    for (int fd = 3; fd < SWTPM_DATA; fd++)
        SYS(close, fd, 0, 0);
    SYS(execve, "/bin/swtpm", version == 2 ? tpm2 : tpm12, flags & FLAG_MODEXP ? helped : plain);
    say("swtpm cannot be run\n");
    SYS(exit, 127, 0, 0);
}

/* Carries control bytes both ways until swtpm closes its end. */
static void relay(int control)
{
    static u8 buffer[16 * PAGE];
    struct pollfd ends[2] = { { control_port, POLLIN, 0 }, { control, POLLIN, 0 } };
    for (;;) {
        if (SYS(poll, ends, 2, -1) < 0)
            continue;
        if (ends[0].revents & POLLIN) {
            int count = SYS(read, control_port, buffer, PAGE);
            if (count > 0 && write_all(control, buffer, count) < 0)
                return;
            if (count == PAGE)
                report('A');
        }
        if (ends[1].revents & POLLIN) {
            int count = SYS(read, control, buffer, sizeof buffer);
            if (count <= 0)
                return;
            write_all(control_port, buffer, count);
        } else if (ends[1].revents & POLLERR_HUP) {
            return;
        }
    }
}

static void serve_once(void)
{
    int ends[2], status = 0;
    report('R');
    int version = prepare_start();
    if (version < 0)
        return;
    drain(data_port);
    drain(control_port);
    drain(modexp_port);
    int result = call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (int)ends, 0);
    int child = result < 0 ? result : SYS(fork, 0, 0, 0);
    if (child < 0) {
        report_failure(STEP_START, child);
        return;
    }
    if (child == 0)
        run_swtpm(version, ends[1]);
    SYS(close, ends[1], 0, 0);
    report('K');
    relay(ends[0]);
    SYS(close, ends[0], 0, 0);
    SYS(waitpid, child, &status, 0);
    u8 message[5] = { 'X', (u8)status, (u8)(status >> 8), (u8)(status >> 16), (u8)(status >> 24) };
    write_all(management_port, message, sizeof message);
}

void start_c(void)
{
    call(SYS_mount, (int)"dev", (int)"/dev", (int)"devtmpfs", 0, 0);
    int console = SYS(open, "/dev/console", O_RDWR, 0);
    for (int fd = 0; fd < 3; fd++)
        SYS(dup2, console, fd, 0);
    modexp_port = open_port("/dev/vport0p0");
    data_port = open_port("/dev/vport0p1");
    control_port = open_port("/dev/vport0p2");
    management_port = open_port("/dev/vport0p3");
    /*
     * The kernel's generator draws on its pool by itself when its key is a second old. Machines that start from the
     * saved one are to find it the same, however long the boot had taken: the test of what entropy is good for counts
     * on it.
     */
    ask_generator(RNDRESEEDCRNG, 0);
    for (;;)
        serve_once();
}

__asm__(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %esp\n call start_c\n");
