// The asynchrony program, run against a library whose copies happen at once (stub.h): nearly all of its checks must fail. A test of
// asynchrony that such a library passes tests nothing.
// timeout: 60
#include "stub.h"
#define main asynchrony_main
#include "../asynchrony/gates.c"
#undef main
#include <unistd.h>

int main(void)
{
    // The lines of the program that must fail are no results of this one.
    fflush(stdout);
    int terminal = dup(1);
    if (!freopen("/dev/null", "w", stdout)) {
        return 1;
    }
    gate_seconds = 0;
    char *arguments[] = { "gates", "0", NULL };
    int code = asynchrony_main(2, arguments);
    int failures = failed_checks;
    fflush(stdout);
    dup2(terminal, 1);
    failed_checks = 0;
    check(code != 0, "the asynchrony program fails against a synchronous library");
    check(failures >= 8, "most of its checks do");
    printf("# %d checks failed\n", failures);
    return result();
}
