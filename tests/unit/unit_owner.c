/* tests/unit/unit_owner.c - who holds something: written, read, and asked whether it lives. */
#include "host/base/owner.h"
#include "tests/test.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static ll_owner here;

static int find_here(void **state)
{
    (void)state;
    ll_owner_self(&here);
    /* Without these two nothing below says anything: Linux has them. */
    return strcmp(here.boot, "-") == 0 || here.start == 0;
}

static void written_and_read(void **state)
{
    char text[LL_OWNER_TEXT];
    ll_owner read;

    (void)state;
    ll_owner_write(&here, text);
    assert_true(ll_owner_read(text, &read));
    assert_memory_equal(&read, &here, sizeof here);
    assert_int_equal(here.process, getpid());
    assert_null(strchr(here.host, '\n'));

    /* The longest there can be. */
    memset(read.host, 'h', sizeof read.host - 1);
    memset(read.machine, 'm', sizeof read.machine - 1);
    memset(read.boot, 'b', sizeof read.boot - 1);
    memset(read.pid_namespace, 's', sizeof read.pid_namespace - 1);
    memset(read.since, '9', sizeof read.since - 1);
    read.process = INT32_MAX;
    read.start = 999999999999999999;
    ll_owner long_one = read;
    ll_owner_write(&long_one, text);
    assert_true(ll_owner_read(text, &read));
    assert_memory_equal(&read, &long_one, sizeof read);

    for (size_t cut = 0; cut + 2 < strlen(text); cut += 7) {
        char part[LL_OWNER_TEXT];
        snprintf(part, sizeof part, "%.*s", (int)cut, text);
        if (strstr(part, "since 9") == NULL) assert_false(ll_owner_read(part, &read));
    }
    long_one.process = -1; /* kill(2) would take it for everyone */
    ll_owner_write(&long_one, text);
    assert_false(ll_owner_read(text, &read));
    long_one.process = (int64_t)INT32_MAX + 1;
    ll_owner_write(&long_one, text);
    assert_false(ll_owner_read(text, &read));
}

static void this_process_lives(void **state)
{
    ll_owner owner = here;

    (void)state;
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_ALIVE);
    snprintf(owner.host, sizeof owner.host, "renamed"); /* a machine may be, while it runs */
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_ALIVE);
    owner.start = 0; /* not known: the number must do */
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_ALIVE);
    owner.start = here.start + 1; /* its number, given out again */
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_DEAD);
}

static void a_killed_process_is_gone(void **state)
{
    ll_owner owner;
    int ends[2], ended = 0;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        ll_owner_self(&owner);
        if (write(ends[1], &owner, sizeof owner) != (ssize_t)sizeof owner) _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &owner, sizeof owner), sizeof owner);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(owner.process, child);
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_ALIVE);
    assert_int_equal(kill(child, SIGKILL), 0);
    siginfo_t info; /* it has ended, and nobody has heard of it: a zombie */
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(kill(child, 0), 0);
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_DEAD);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_DEAD);
    owner.start = 0;
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_DEAD);
}

static void what_cannot_be_asked_is_not_guessed(void **state)
{
    ll_owner at = here, owner;

    (void)state;
    snprintf(at.machine, sizeof at.machine, "0123456789abcdef"); /* not every machine has one */
    snprintf(at.pid_namespace, sizeof at.pid_namespace,
             "pid:[4026531836]"); /* nor is every test in no container */
    owner = at;
    owner.boot[0] = owner.boot[0] == '0' ? '1' : '0';
    assert_int_equal(ll_owner_check(&owner, &at), LL_OWNER_DEAD); /* before a restart */
    snprintf(owner.pid_namespace, sizeof owner.pid_namespace,
             "pid:[4026532000]"); /* a container, moved maybe */
    assert_int_equal(ll_owner_check(&owner, &at), LL_OWNER_UNREACHABLE);
    snprintf(owner.pid_namespace, sizeof owner.pid_namespace, "%s", at.pid_namespace);
    snprintf(owner.host, sizeof owner.host, "node9");
    assert_int_equal(ll_owner_check(&owner, &at), LL_OWNER_UNREACHABLE);
    snprintf(owner.host, sizeof owner.host, "%s", at.host);
    owner.machine[0] = 'f'; /* another one of this name */
    assert_int_equal(ll_owner_check(&owner, &at), LL_OWNER_UNREACHABLE);
    snprintf(owner.machine, sizeof owner.machine, "-");
    snprintf(at.machine, sizeof at.machine, "-"); /* both unknown is not both the same */
    assert_int_equal(ll_owner_check(&owner, &at), LL_OWNER_UNREACHABLE);

    owner = here;
    snprintf(owner.pid_namespace, sizeof owner.pid_namespace,
             "pid:[1]"); /* another container of this machine */
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_UNREACHABLE);
    owner = here;
    snprintf(owner.boot, sizeof owner.boot, "-");
    assert_int_equal(ll_owner_check(&owner, &here), LL_OWNER_UNREACHABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(this_process_lives),
        cmocka_unit_test(a_killed_process_is_gone),
        cmocka_unit_test(what_cannot_be_asked_is_not_guessed),
    };
    return cmocka_run_group_tests(tests, find_here, NULL);
}
