#ifndef ANB_CLIBCURL_H
#define ANB_CLIBCURL_H

#include <curl/curl.h>

// Swift imports neither variadic functions nor the cast macros of libcurl. Each function below fixes one argument
// type: C variadics do not convert, so a value of another width would be read wrongly.

typedef size_t (*anb_curl_data_callback)(char *, size_t, size_t, void *);
typedef int (*anb_curl_seek_callback)(void *, curl_off_t, int);

static inline CURLcode anb_curl_global_init(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }

static inline CURLcode anb_curl_set_long(CURL *handle, CURLoption option, long value) {
    return (curl_easy_setopt)(handle, option, value);
}

static inline CURLcode anb_curl_set_off(CURL *handle, CURLoption option, curl_off_t value) {
    return (curl_easy_setopt)(handle, option, value);
}

static inline CURLcode anb_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return (curl_easy_setopt)(handle, option, value);
}

static inline CURLcode anb_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return (curl_easy_setopt)(handle, option, value);
}

static inline CURLcode anb_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return (curl_easy_setopt)(handle, option, value);
}

static inline CURLcode anb_curl_set_data_callback(CURL *handle, CURLoption option, anb_curl_data_callback value) {
    return (curl_easy_setopt)(handle, option, value);
}

static inline CURLcode anb_curl_set_seek_callback(CURL *handle, anb_curl_seek_callback value) {
    return (curl_easy_setopt)(handle, CURLOPT_SEEKFUNCTION, value);
}

static inline curl_off_t anb_curl_info_offset(CURL *handle, CURLINFO info) {
    curl_off_t value = 0;
    (curl_easy_getinfo)(handle, info, &value);
    return value;
}

static inline long anb_curl_info_long(CURL *handle, CURLINFO info) {
    long value = 0;
    (curl_easy_getinfo)(handle, info, &value);
    return value;
}

static inline void *anb_curl_info_private(CURL *handle) {
    char *value = NULL;
    (curl_easy_getinfo)(handle, CURLINFO_PRIVATE, &value);
    return value;
}

static inline CURLMcode anb_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return (curl_multi_setopt)(multi, option, value);
}

/// The next finished transfer: its handle and, in `result`, its code. NULL when there is none.
static inline CURL *anb_curl_multi_next_done(CURLM *multi, CURLcode *result) {
    int remaining = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &remaining)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    }
    return NULL;
}

#endif
