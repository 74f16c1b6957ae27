/*
 * The library as an addon of Node: functions of C that JavaScript calls without arguments. Through libffi such a call costs
 * 0.3 us, and 0.7 where nothing of it is in the cache; by Node-API 0.02 and 0.14.
 *
 * What is declared here is in Node's executable, and a part of Node-API that never changes (node_api.h, version 1): nothing
 * but a C compiler is needed this way. Weak, because programs without Node link with this code, too.
 */
#include "taploom.h"
#include <stdlib.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
typedef void (*napi_finalize)(napi_env, void *data, void *hint);

/* They return 0 or why not. */
#define NODE __attribute__((weak)) int
NODE napi_get_cb_info(napi_env, napi_callback_info, size_t *argc, napi_value *argv, napi_value *self, void **data);
NODE napi_get_buffer_info(napi_env, napi_value, void **data, size_t *length);
NODE napi_create_int32(napi_env, int32_t, napi_value *result);
NODE napi_create_function(napi_env, const char *name, size_t length, napi_callback, void *data, napi_value *result);
NODE napi_add_finalizer(napi_env, napi_value, void *data, napi_finalize, void *hint, void *reference);
NODE napi_throw_error(napi_env, const char *code, const char *message);

struct bound {
    int (*function)(void *);
    void *context;
};

static napi_value call(napi_env env, napi_callback_info info)
{
    void *data = NULL;
    napi_value result = NULL;
    napi_get_cb_info(env, info, NULL, NULL, NULL, &data);
    const struct bound *bound = data;
    napi_create_int32(env, bound->function(bound->context), &result);
    return result;
}

static void release(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)hint;
    free(data);
}

/* bind(Buffer at a function, Buffer that it gets): () => number. Keeps neither. */
static napi_value bind(napi_env env, napi_callback_info info)
{
    napi_value arguments[2], result = NULL;
    size_t count = 2;
    void *function = NULL, *context = NULL;
    napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
    struct bound *bound = malloc(sizeof *bound);
    if (!bound || napi_get_buffer_info(env, arguments[0], &function, NULL) ||
        napi_get_buffer_info(env, arguments[1], &context, NULL)) {
        free(bound);
        napi_throw_error(env, NULL, "bind takes two Buffers");
        return NULL;
    }
    *bound = (struct bound){ .function = (int (*)(void *))function, .context = context };
    if (napi_create_function(env, NULL, 0, call, bound, &result)) free(bound);
    else napi_add_finalizer(env, result, bound, release, NULL, NULL);
    return result;
}

/* What Node looks for. The addon is `bind`. */
napi_value napi_register_module_v1(napi_env env, napi_value exports);
napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    (void)exports;
    napi_value result = NULL;
    napi_create_function(env, NULL, 0, bind, NULL, &result);
    return result;
}
