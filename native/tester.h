/*
 * Inside of the tester (tester.c, tester_send.c, tester_receive.c): a task is one thread that sends or receives test
 * frames until it is done or told to stop. Its memory is its own, not the caller's: a program that ends in the middle
 * takes nothing away from it.
 */
#ifndef TESTER_H
#define TESTER_H

#include "taploom.h"
#include <pthread.h>
#include <stdatomic.h>

/* Where the test frame has its fields; the layout is explained in src/tester/test_frame.ts. */
enum { MAGIC_AT = 42, TAG_AT = 46, SEQUENCE_AT = 48, TIME_AT = 52, TEST_FRAME = 60 };
enum { MAGIC = 0x544c424d };                                 /* "TLBM" */

struct task {
    pthread_t thread;
    void (*run)(struct task *);
    atomic_int stop, done;
    atomic_llong progress;                                   /* frames, while it runs */
    int fd;
    double plan[TL_TEST_PLAN_WORDS];
    double result[TL_TEST_RESULT_WORDS];                     /* complete once done is set */
    double histogram[TL_TEST_BUCKETS];
    int length;
    uint8_t frame[TL_TEST_FRAME_MAX];
};

int64_t tester_now(int clock);                               /* ns */
void tester_send(struct task *t);
void tester_receive(struct task *t);

#endif
