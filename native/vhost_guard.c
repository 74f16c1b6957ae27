/*
 * The front end may cut off the file behind the guest's memory at any time; whoever touches what is gone gets SIGBUS. In a
 * guarded section that is an error of this guest; elsewhere the signal does what it did before.
 */
#include "vhost.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>

static _Thread_local sigjmp_buf *volatile guard;
static struct sigaction before;

static void vanished(int signal, siginfo_t *info, void *context)
{
    if (guard) siglongjmp(*guard, 1);
    if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) before.sa_sigaction(signal, info, context);
    else sigaction(SIGBUS, &before, NULL); /* and the same instruction once more */
}

/* SA_NODEFER: a jump out of the handler would leave the signal blocked, and saving the mask costs a system call. */
static void install(void)
{
    struct sigaction action = { .sa_sigaction = vanished, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
}

int vhost_guarded(void (*act)(void *), void *context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sigjmp_buf jump;
    pthread_once(&once, install);
    if (sigsetjmp(jump, 0)) {
        guard = NULL;
        return -EFAULT;
    }
    guard = &jump;
    act(context);
    guard = NULL;
    return 0;
}
