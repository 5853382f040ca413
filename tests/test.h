/* tests/test.h - what every cmocka program includes, in the order cmocka wants it. */
#ifndef LL_TESTS_TEST_H
#define LL_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above it */

#endif
