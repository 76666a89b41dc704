# SPDX-License-Identifier: BSD-3-Clause
# SB_COMPILER_FLAGS: warnings, --enable-werror, --enable-sanitizers. Sets SB_CFLAGS, SB_LDFLAGS.
AC_DEFUN([SB_COMPILER_FLAGS], [
AC_ARG_ENABLE([werror],
  [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
  [], [enable_werror=no])
AC_ARG_ENABLE([sanitizers],
  [AS_HELP_STRING([--enable-sanitizers],
    [build with AddressSanitizer and UndefinedBehaviorSanitizer; the resolver must be built so too])],
  [], [enable_sanitizers=no])
SB_CFLAGS="-std=gnu11 -fvisibility=hidden -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow"
SB_CFLAGS="$SB_CFLAGS -Wstrict-prototypes -Wmissing-prototypes -Werror=implicit-function-declaration -Wformat=2 -Wundef -Wvla"
SB_LDFLAGS=
AS_IF([test "$enable_werror" = yes], [SB_CFLAGS="$SB_CFLAGS -Werror"])
AS_IF([test "$enable_sanitizers" = yes], [
  SB_CFLAGS="$SB_CFLAGS -fsanitize=address,undefined -fno-omit-frame-pointer"
  SB_LDFLAGS="-fsanitize=address,undefined"])
AM_CONDITIONAL([SANITIZERS], [test "$enable_sanitizers" = yes])
AC_SUBST([SB_CFLAGS])
AC_SUBST([SB_LDFLAGS])
])
