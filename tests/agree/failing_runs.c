/* tests/agree/failing_runs.c - each call of a whole night on the emulated card fails in turn: one
 * line that says which, nothing leaked, nothing published.
 *
 * usage: failing_runs CATALOG WEIGHTS FOLDER
 *
 * A night takes seconds, most of them before its first batch, and makes a thousand calls. So the
 * process forks before a call: the child's call fails, the child goes on to the end of its night
 * and judges it; the parent goes on undisturbed. Threads do not survive a fork, so calls after
 * the first photo is decoded fail in children that leave from the last call before that.
 * A later night differs in few calls, and with sanitizers a child takes long: there only some fail,
 * of each name the first, the last and every so many-th; the test says how many. */
#include "host/image/decode.h"
#include "host/pipeline/pipeline.h"
#include "host/vgg16/vgg16.h"
#include "tests/cuda_emulated/module.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

enum { MAX_CALLS = 8192, NAME = 32, CHILD_SECONDS = 100 };
#ifdef __SANITIZE_ADDRESS__
enum { STEP = 12, LATER_STEP = 24 };
#else
enum { STEP = 1, LATER_STEP = 4 };
#endif

static struct {
    const char *catalog, *weights, *folder;
    char index[512], keep[540], lock[540], spare[540];
} given;

/* What a night without failures does, and what of it is to fail. */
static struct {
    char names[MAX_CALLS][NAME];
    enum { NOT, ALONE, WITH_ALL_AFTER } fails[MAX_CALLS];
    int64_t calls, last_alone; /* the last call before photos are decoded */
    int64_t first_engine,
        graph; /* engines are tried from the one, batches captured up to the other */
    bool decoding;
} known;

static struct {
    bool child, sticky;
    int64_t call;
    int children, bad;
    bool went_on; /* the log says what the night does without: an engine, a graph */
} now;

static void listen(void *to, const char *text)
{
    (void)to;
    if (strstr(text, "passed over") != NULL || strstr(text, "chosen anew") != NULL ||
        strstr(text, "launched one by one") != NULL)
        now.went_on = true;
}

static const ll_log k_log = {.line = listen};

static ll_status run_once(ll_error *err)
{
    ll_pipeline_summary summary;
    const ll_pipeline_options options = {
        .catalog_path = given.catalog,
        .index_path = given.index,
        .weights_path = given.weights,
        .backend = "cuda",
        .cuda_module = LL_EMULATED_MODULE,
        .threads = 1,
        .batch = 1,
        .layer = ll_vgg16_find("fc2"),
        .image = ll_image_options_default(),
        .neighbors = 2,
        .matrix = LL_MATRIX_FLOAT16,
        .within = "kind",
        .max_rejected = 5.0,
        .max_removed = 100.0,
        .log = &k_log,
    };
    return ll_pipeline_index(&options, &summary, err);
}

/* The linker sends the program's calls here (--wrap). Looking which threads are alive is too late:
 * a small shop's may be done before the next call. */
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *context)
{
    known.decoding = true;
    return __real_pthread_create(thread, attributes, start, context);
}

/* ---- a child ------------------------------------------------------------------------------ */

/* Calls that give back, or clear what is known, or wait for the end: there may be nobody to tell.
 */
static bool may_go_unheard(const char *call)
{
    static const char *const k_calls[] = {
        "cudaFree",         "cudaFreeHost",     "cudaEventDestroy",     "cudaStreamDestroy",
        "cudaGraphDestroy", "cudaGetLastError", "cudaGraphExecDestroy", "cudaStreamSynchronize",
    };
    for (size_t i = 0; i < sizeof k_calls / sizeof k_calls[0]; i++)
        if (strcmp(call, k_calls[i]) == 0) return true;
    return false;
}

static bool names_the_call(const char *text, const char *call)
{
    if (strcmp(call, "a kernel's launch") == 0 || strcmp(call, "cudaGetLastError") == 0)
        return strstr(text, "_cuda") != NULL;
    return strstr(text, call) != NULL;
}

static bool complain(const char *what, const char *text)
{
    const ll_emulated *const card = emulated_card();
    fprintf(stderr, "call %d (%s%s): %s: '%s'\n", (int)card->fail_at, card->failed_call,
            card->sticky ? ", and all after it" : "", what, text);
    return false;
}

/* The night is over and everything given back. */
static bool is_right(ll_status status, const char *text)
{
    const ll_emulated *const card = emulated_card();
    const bool published = access(given.index, F_OK) == 0;

    if (card->failed_call[0] == '\0') return complain("did not come", text);
    if (card->misuse[0] != '\0') return complain("misuse", card->misuse);
    if (card->alive != 0 || card->used_bytes != 0) return complain("not given back", text);
#ifdef __SANITIZE_ADDRESS__
    if (__lsan_do_recoverable_leak_check() != 0) return complain("leaks", text);
#endif
    if (published != (status == LL_OK)) return complain("published, or not", text);
    if (status == LL_OK && !may_go_unheard(card->failed_call) && !now.went_on)
        return complain("all was well", text);
    if (status == LL_OK) return true;
    if (text[0] == '\0' || strchr(text, '\n') != NULL) return complain("not one line", text);
    if (strstr(text, "unspecified launch failure") == NULL) return complain("no cause", text);
    if (!names_the_call(text, card->failed_call) && !card->sticky)
        return complain("the call is not named", text);
    if (now.call % 97 == 0) complain("as an example", text);
    return true;
}

/* ---- the parent --------------------------------------------------------------------------- */

/* What a night may leave in the work folder of its parent. A child that ends removes the lock of
 * both; a second name keeps it for the parent. */
static void clean(void)
{
    (void)unlink(given.index);
    (void)mkdir(given.keep, 0777);
    (void)link(given.lock, given.spare);
}

static void release_all(void)
{
    (void)rename(given.spare, given.lock); /* does nothing if both names are there */
    (void)unlink(given.spare);
    (void)rmdir(given.keep);
}

static void fail_in_a_child(int64_t call, bool sticky)
{
    int outcome = 0;

    clean();
    const pid_t child = fork();
    if (child < 0) fail_msg("no more processes");
    if (child == 0) {
        ll_emulated *const card = emulated_card();
        now.child = true;
        now.call = call;
        card->fail_at = call;
        card->sticky = sticky;
        alarm(CHILD_SECONDS);
        return;
    }
    now.children++;
    if (waitpid(child, &outcome, 0) != child || outcome != 0) {
        fprintf(stderr, "call %d (%s): its child ended with %d\n", (int)call, known.names[call],
                outcome);
        now.bad++;
    }
    clean();
}

static void fork_before(int64_t call, const char *name)
{
    if (now.child || call > known.last_alone) return;
    if (strcmp(name, known.names[call]) != 0)
        fail_msg("call %d is %s, and was %s", (int)call, name, known.names[call]);
    const int64_t last = call == known.last_alone ? known.calls : call;
    for (int64_t c = call; c <= last && !now.child; c++) {
        if (known.fails[c] != NOT) fail_in_a_child(c, known.fails[c] == WITH_ALL_AFTER);
    }
    if (!now.child) release_all();
}

static void note(int64_t call, const char *name)
{
    if (call >= MAX_CALLS) fail_msg("more than %d calls", MAX_CALLS);
    snprintf(known.names[call], NAME, "%s", name);
    if (!known.decoding) known.last_alone = call;
    if (known.first_engine == 0 && strcmp(name, "ll_conv_engines") == 0) known.first_engine = call;
    if (strcmp(name, "cudaGraphInstantiate") == 0) known.graph = call;
    known.calls = call;
}

/* An engine that fails is passed over, and the night goes on with another; a batch that cannot be
 * captured is queued anew each time. */
static bool does_without(int64_t call)
{
    return known.first_engine <= call && call <= known.graph;
}

/* After a failure that does not end the night, a child would live through the rest of it. So all
 * but the first and last of such a kind are followed by more failures. */
static void choose(int step)
{
    for (int64_t c = 1; c <= known.calls; c++) {
        int64_t before = 0, after = 0;
        for (int64_t d = 1; d <= known.calls; d++)
            if (strcmp(known.names[d], known.names[c]) == 0) before += d<c, after += d> c;
        const bool end = before == 0 || after == 0;
        if (end || before % step == 0)
            known.fails[c] = !end && (may_go_unheard(known.names[c]) || does_without(c))
                                 ? WITH_ALL_AFTER
                                 : ALONE;
    }
}

static void run_with(void (*before)(int64_t number, const char *call), const char *what)
{
    ll_error err = LL_ERROR_INIT;
    ll_emulated *const card = emulated_reset(LL_EMULATED_LATE);

    card->idle = true;
    card->before = before;
    const ll_status status = run_once(&err);
    card->before = NULL;
    if (now.child) _exit(is_right(status, err.text) ? 0 : 1);
    if (status != LL_OK) fail_msg("%s: %s", what, err.text);
    emulated_all_well(card, what);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void every_call_fails(const char *what, int step)
{
    int failing = 0;

    memset(&known, 0, sizeof known);
    run_with(note, what);
    assert_true(known.last_alone > 100 && known.last_alone < known.calls - 100);
    choose(step);
    for (int64_t c = 1; c <= known.calls; c++)
        failing += known.fails[c] != NOT;
    now.children = now.bad = 0;
    print_message("[   INFO   ] %s: %d of %d calls fail, the first %d of them without threads\n",
                  what, failing, (int)known.calls, (int)known.last_alone);
    if (unlink(given.index) != 0) fail_msg("%s: not published", given.index);
    run_with(fork_before, what);
    assert_int_equal(now.children, failing);
    assert_int_equal(now.bad, 0);
}

static void of_a_first_run_every_call_may_fail(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", "/dev/null", 1); /* where no folder can be made */
    every_call_fails("engines timed", STEP);
}

static void of_a_later_run_calls_may_fail(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", given.folder, 1);
    run_with(NULL, "engines kept");
    every_call_fails("engines from the cache", LATER_STEP);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_first_run_every_call_may_fail),
        cmocka_unit_test(of_a_later_run_calls_may_fail),
    };

    if (argc != 4) return 2;
    given.catalog = argv[1], given.weights = argv[2], given.folder = argv[3];
    snprintf(given.index, sizeof given.index, "%s/night.h5", given.folder);
    snprintf(given.keep, sizeof given.keep, "%s.work/keep", given.index);
    snprintf(given.lock, sizeof given.lock, "%s.work/lock", given.index);
    snprintf(given.spare, sizeof given.spare, "%s.work/keep/lock", given.index);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
