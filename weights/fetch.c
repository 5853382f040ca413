/* weights/fetch.c - see fetch.h.
 *
 * The range is asked for and its answer checked here, not by libcurl's RESUME_FROM, which gives up
 * where a server ignores ranges; we then start over. Certificates are verified: libcurl's default,
 * which nothing here turns off, and a redirect may not leave https. */
#include "weights/fetch.h"
#include "host/base/digest.h"
#include "host/base/file.h"
#include "host/base/lock.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/text.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CONNECT_SECONDS = 30,
    STALL_SECONDS = 60, /* below 1 kB/s for this long is no transfer any more */
    STALL_BYTES = 1000,
    BUFFER_BYTES = 512 * 1024,
};

typedef struct transfer {
    const ll_weights_source *source;
    const char *part, *holder, *busy; /* paths; what a second download is told */
    int fd;
    ll_lock *lock;
    int64_t at;   /* bytes of the part that are good */
    bool started; /* the answer's head has been looked at */
    CURL *curl;
    const ll_log *log;
    ll_status status; /* why we stopped the transfer, if it was us */
    ll_error *err;
} transfer;

static ll_status io_error(const char *path, ll_error *err)
{
    return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
}

/* The first byte a 206 answer brings: "bytes 100-199/200". -1 if it does not say. */
static int64_t range_begin(CURL *curl)
{
    struct curl_header *header = NULL;
    long long begin = -1;
    if (curl_easy_header(curl, "Content-Range", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    if (sscanf(header->value, "bytes %lld-", &begin) != 1) return -1;
    return begin;
}

/* Before its first byte is kept: is this answer the file, and from where on? */
static ll_status check_response_head(transfer *it)
{
    const char *type = NULL;
    curl_off_t length = -1;
    long code = 0;

    (void)curl_easy_getinfo(it->curl, CURLINFO_RESPONSE_CODE, &code);
    (void)curl_easy_getinfo(it->curl, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(it->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (code != 200 && code != 206)
        return ll_fail(it->err, LL_ERR_IO, "%s: the server answers %ld", it->source->url, code);
    if (type != NULL && strncmp(type, "text/html", strlen("text/html")) == 0)
        return ll_fail(it->err, LL_ERR_FORMAT, "%s: a web page came instead of weights",
                       it->source->url);
    if (code == 200) it->at = 0; /* the whole file, whatever range we asked for */
    if (code == 206 && range_begin(it->curl) != it->at)
        return ll_fail(it->err, LL_ERR_IO, "%s: the server sends another range than asked for",
                       it->source->url);
    if (length >= 0 && it->at + length != it->source->size_bytes)
        return ll_fail(it->err, LL_ERR_FORMAT, "%s: the server has %lld bytes, %s has %lld",
                       it->source->url, (long long)(it->at + length), it->source->file,
                       (long long)it->source->size_bytes);
    if (code == 200 && ftruncate(it->fd, 0) != 0) return io_error(it->part, it->err);
    return LL_OK;
}

static size_t receive_bytes(char *bytes, size_t item_bytes, size_t items, void *to)
{
    transfer *const it = to;
    const size_t count = item_bytes * items;

    if (!it->started) it->status = check_response_head(it);
    it->started = true;
    if (it->status == LL_OK && (uint64_t)count > (uint64_t)(it->source->size_bytes - it->at)) {
        (void)unlink(it->part); /* its beginning is not worth resuming either */
        it->status = ll_fail(it->err, LL_ERR_FORMAT, "%s: more bytes than %s has (%lld)",
                             it->source->url, it->source->file, (long long)it->source->size_bytes);
    }
    if (it->status == LL_OK)
        it->status = ll_file_pwrite(it->fd, bytes, count, it->at, it->part, it->err);
    if (it->status != LL_OK) return CURL_WRITEFUNC_ERROR;
    it->at += (int64_t)count;
    ll_log_progress(it->log, "fetch", it->at, it->source->size_bytes);
    return count;
}

/* Anything but CURLE_OK is in the code that is returned. */
static CURLcode set_options(transfer *it, char *message, long timeout_s)
{
    const bool secure = strncmp(it->source->url, "https:", strlen("https:")) == 0;
    const char *const protocols = secure ? "https" : "http,https";
    CURL *const curl = it->curl;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, it->source->url);

    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_USERAGENT, "lookloom");
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_bytes);
    if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, it);
    return code;
}

/* Ask for what is missing and append it. */
static ll_status transfer_run(transfer *it, long timeout_s)
{
    char message[CURL_ERROR_SIZE] = "", range[32];

    it->curl = curl_easy_init();
    if (it->curl == NULL) return ll_fail(it->err, LL_ERR_MEMORY, "libcurl: no memory");
    CURLcode code = set_options(it, message, timeout_s);
    if (code == CURLE_OK && it->at > 0) {
        ll_text_exact(range, sizeof range, "%lld-", (long long)it->at);
        code = curl_easy_setopt(it->curl, CURLOPT_RANGE, range);
    }
    if (code == CURLE_OK) code = curl_easy_perform(it->curl);
    curl_easy_cleanup(it->curl);
    it->curl = NULL;
    if (it->status != LL_OK) return it->status;
    if (code == CURLE_OK && it->at == it->source->size_bytes) return LL_OK;
    return ll_fail(it->err, LL_ERR_IO, "%s: %s (%lld of %lld bytes are kept)", it->source->url,
                   code == CURLE_OK     ? "the transfer ended early"
                   : message[0] != '\0' ? message
                                        : curl_easy_strerror(code),
                   (long long)it->at, (long long)it->source->size_bytes);
}

/* Open the part and lock it: two downloads into one file would mix. */
static ll_status part_open(transfer *it)
{
    struct stat info;

    it->fd = open(it->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (it->fd < 0) return io_error(it->part, it->err);
    const ll_lock_options options = {.fd = it->fd,
                                     .at = AT_FDCWD,
                                     .name = it->holder,
                                     .path = it->holder,
                                     .what = it->part,
                                     .busy = it->busy};
    LL_TRY(ll_lock_acquire(&options, it->log, &it->lock, it->err));
    if (it->lock == NULL) return ll_fail(it->err, LL_ERR_IO, "%s: the folder is gone", it->part);
    if (fstat(it->fd, &info) != 0) return io_error(it->part, it->err);
    it->at = info.st_size;
    if (it->at <= it->source->size_bytes) return LL_OK;
    it->at = 0; /* longer than the whole: none of ours */
    return ftruncate(it->fd, 0) == 0 ? LL_OK : io_error(it->part, it->err);
}

static ll_status check_digest(const transfer *it)
{
    char md5[LL_MD5_HEX];

    LL_TRY(ll_digest_file(it->part, NULL, md5, it->err));
    if (strcmp(md5, it->source->md5) == 0) return LL_OK;
    (void)unlink(it->part);
    return ll_fail(it->err, LL_ERR_FORMAT, "%s: MD5 is %s, %s must have %s; removed",
                   it->source->url, md5, it->source->file, it->source->md5);
}

/* A target that is already the file needs no network. */
static bool is_complete(const ll_weights_source *source, const char *target)
{
    struct stat info;
    char md5[LL_MD5_HEX];
    if (stat(target, &info) != 0 || info.st_size != source->size_bytes) return false;
    return ll_digest_file(target, NULL, md5, NULL) == LL_OK && strcmp(md5, source->md5) == 0;
}

ll_status ll_weights_fetch(const ll_weights_source *source, const char *target, long timeout_s,
                           const ll_log *log, ll_error *err)
{
    ll_status status = LL_OK;
    char *folder = NULL, *part = NULL, *holder = NULL, *busy = NULL, size[LL_NUMBER_TEXT];
    transfer it = {.source = source, .fd = -1, .log = log, .err = err};

    ll_log_line(log, "%s: %s", source->file, source->license);
    if (is_complete(source, target)) {
        ll_log_line(log, "%s: already there", target);
        return LL_OK;
    }
    LL_TRY_DONE(ll_file_folder(target, &folder, err));
    LL_TRY_DONE(ll_file_make_folder(folder, err));
    LL_TRY_DONE(ll_file_check_target(target, err));
    LL_TRY_DONE(ll_text_format(&part, err, "%s.part", target));
    LL_TRY_DONE(ll_text_format(&holder, err, "%s.holder", part));
    LL_TRY_DONE(ll_text_format(&busy, err, "%s: another download is filling it", part));
    it.part = part;
    it.holder = holder;
    it.busy = busy;
    LL_TRY_DONE(part_open(&it));
    if (it.at < source->size_bytes) {
        if (it.at > 0)
            ll_log_line(log, "%s: resuming after %s", part, ll_number_size((double)it.at, size));
        LL_TRY_DONE(transfer_run(&it, timeout_s));
    }
    LL_TRY_DONE(check_digest(&it));
    LL_TRY_DONE(ll_lock_check(it.lock, err));
    LL_TRY_DONE(ll_file_publish(part, target, err));
done:
    ll_lock_release(it.lock);
    if (it.fd >= 0) (void)close(it.fd);
    free(busy);
    free(holder);
    free(folder);
    free(part);
    return status;
}
