// What Swift cannot import from libcurl: its variadic functions, one typed wrapper for each kind of argument, and the
// union in a transfer's outcome. The wrappers also keep an `int` from being passed where libcurl reads a `long`.
#ifndef SIE_CCURL_SHIM_H
#define SIE_CCURL_SHIM_H

#include <curl/curl.h>

/// Receives `size * count` bytes; returns how many it took, or `ccurl_pause`.
typedef size_t (*ccurl_bytes_callback)(char *bytes, size_t size, size_t count, void *context);

/// What a bytes callback returns to get the same bytes again after the transfer was resumed.
static const size_t ccurl_pause = CURL_WRITEFUNC_PAUSE;

static inline CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_bytes_callback(CURL *easy, CURLoption option, ccurl_bytes_callback value) {
    return curl_easy_setopt(easy, option, value);
}

/// Called before a request is sent over a connection; libcurl sends some requests again over another one.
typedef int (*ccurl_prerequest_callback)(
    void *context, char *remote_address, char *local_address, int remote_port, int local_port);

/// What a prerequest callback returns, so that the request is sent or is not.
static const int ccurl_prerequest_send = CURL_PREREQFUNC_OK;
static const int ccurl_prerequest_abort = CURL_PREREQFUNC_ABORT;

static inline CURLcode ccurl_set_prerequest_callback(CURL *easy, ccurl_prerequest_callback value) {
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, value);
}

/// Called with each new socket before it connects. Returns `CURL_SOCKOPT_OK`.
typedef int (*ccurl_socket_callback)(void *context, curl_socket_t descriptor, curlsocktype purpose);

/// Called to close a socket. Returns 0.
typedef int (*ccurl_close_callback)(void *context, curl_socket_t descriptor);

static inline CURLcode ccurl_set_socket_callback(CURL *easy, ccurl_socket_callback value) {
    return curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, value);
}

static inline CURLcode ccurl_set_close_callback(CURL *easy, ccurl_close_callback value) {
    return curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, value);
}

/// Sets an option to a copy of `length` bytes.
static inline CURLcode ccurl_set_blob(CURL *easy, CURLoption option, const void *bytes, size_t length) {
    struct curl_blob blob = {(void *)bytes, length, CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob);
}

/// The value of a `long` fact of a transfer; 0 where there is none.
static inline long ccurl_get_long(CURL *easy, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static inline CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/// Takes the next transfer that has ended. Returns 0 where there is none.
static inline int ccurl_multi_next_done(CURLM *multi, CURL **easy, CURLcode *result) {
    int remaining = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &remaining))) {
        if (message->msg != CURLMSG_DONE) continue;
        *easy = message->easy_handle;
        *result = message->data.result;
        return 1;
    }
    return 0;
}

#endif
