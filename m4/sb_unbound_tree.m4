# SPDX-License-Identifier: BSD-3-Clause
# SB_UNBOUND_TREE: find the configured Unbound tree whose resolver will load the modules.
# Sets UNBOUND_CPPFLAGS, sb_unbound_source, sb_unbound_build, sb_unbound_version, sb_unbound_program.
AC_DEFUN([SB_UNBOUND_TREE], [
AC_ARG_WITH([unbound-source],
  [AS_HELP_STRING([--with-unbound-source=DIR],
    [configured and built Unbound tree of the resolver that will load the modules (required)])],
  [], [with_unbound_source=])
AC_ARG_WITH([unbound],
  [AS_HELP_STRING([--with-unbound=PROG],
    [the unbound program itself: checked to be the build of that tree])],
  [], [with_unbound=])

AC_MSG_CHECKING([for the Unbound tree])
AS_IF([test -z "$with_unbound_source" || test "$with_unbound_source" = yes], [
  AC_MSG_RESULT([not given])
  AC_MSG_ERROR([--with-unbound-source=DIR is missing. The modules are compiled against the very
  build of Unbound that loads them; contrib/unbound-dynlib makes one and prints the line to use])])
AS_IF([test ! -d "$with_unbound_source"], [
  AC_MSG_RESULT([no])
  AC_MSG_ERROR([$with_unbound_source is no directory])])
sb_unbound_build=`cd "$with_unbound_source" && pwd`
# Debian's package is built in b/unbound below the source
AS_IF([test ! -f "$sb_unbound_build/config.h" && test -f "$sb_unbound_build/b/unbound/config.h"],
  [sb_unbound_build="$sb_unbound_build/b/unbound"])
AS_IF([test ! -f "$sb_unbound_build/config.h"], [
  AC_MSG_RESULT([no])
  AC_MSG_ERROR([there is no config.h in $sb_unbound_build: the tree is not configured])])
sb_unbound_source=$sb_unbound_build
AS_IF([test ! -f "$sb_unbound_source/util/module.h"], [
  sb_srcdir=`sed -n 's/^srcdir *= *//p' "$sb_unbound_build/Makefile" 2>/dev/null`
  sb_unbound_source=`cd "$sb_unbound_build" && cd "$sb_srcdir" 2>/dev/null && pwd`])
AS_IF([test ! -f "$sb_unbound_source/util/module.h"], [
  AC_MSG_RESULT([no])
  AC_MSG_ERROR([$with_unbound_source holds no Unbound headers (util/module.h)])])
AS_IF([grep '^#define WITH_DYNLIBMODULE 1' "$sb_unbound_build/config.h" >/dev/null], [], [
  AC_MSG_RESULT([no])
  AC_MSG_ERROR([the Unbound in $sb_unbound_build is configured without --with-dynlibmodule and
  cannot load modules; contrib/unbound-dynlib builds one that can])])
AS_IF([test ! -f "$sb_unbound_build/unbound"], [
  AC_MSG_RESULT([no])
  AC_MSG_ERROR([the Unbound in $sb_unbound_build is configured but not built: run make there])])
sb_unbound_version=`sed -n 's/^#define PACKAGE_STRING "\(.*\)"/\1/p' "$sb_unbound_build/config.h"`
AC_MSG_RESULT([$sb_unbound_version])
# UNBOUND_VERSION_MAJOR and its like are not filled in by every release's configure
sb_unbound_number=`echo "$sb_unbound_version" |
  sed -n 's/^unbound \(@<:@0-9@:>@*\)\.\(@<:@0-9@:>@*\)\.\(@<:@0-9@:>@*\).*/\1 * 10000 + \2 * 100 + \3/p'`
AS_IF([test -z "$sb_unbound_number"],
  [AC_MSG_ERROR([cannot read the version "$sb_unbound_version"])])
UNBOUND_CPPFLAGS="-DSB_UNBOUND=$(($sb_unbound_number)) -isystem $sb_unbound_build"
AS_IF([test "$sb_unbound_source" != "$sb_unbound_build"],
  [UNBOUND_CPPFLAGS="$UNBOUND_CPPFLAGS -isystem $sb_unbound_source"])
AC_SUBST([UNBOUND_CPPFLAGS])

sb_unbound_program=
AS_IF([test -n "$with_unbound" && test "$with_unbound" != no], [
  AC_MSG_CHECKING([whether $with_unbound is the build of that tree])
  AS_IF([test ! -x "$with_unbound"], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([$with_unbound is no program])])
  sb_has_version=`"$with_unbound" -V 2>&1 | sed -n 's/^Version //p'`
  sb_has_options=`"$with_unbound" -V 2>&1 | sed -n 's/^Configure line: *//p'`
  sb_want_options=`sed -n 's/^#define CONFCMDLINE "\(.*\)"/\1/p' "$sb_unbound_build/config.h" |
    sed 's/\\\\\(.\)/\1/g'`
  AS_IF([test "unbound $sb_has_version" != "$sb_unbound_version"], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([$with_unbound is version $sb_has_version, the tree is $sb_unbound_version])])
  AS_IF([test "$sb_has_options" != "$sb_want_options"], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([$with_unbound was configured with other options than the tree:
  program: $sb_has_options
  tree:    $sb_want_options])])
  AC_MSG_RESULT([yes])
  sb_unbound_program=$with_unbound])

# for the tests: where the programs are installed, and Unbound's own test program
UNBOUND_PREFIX=
TESTBOUND=
AS_IF([test -n "$sb_unbound_program"],
  [UNBOUND_PREFIX=`cd "\`dirname "$sb_unbound_program"\`/.." && pwd`])
AS_IF([test -x "$UNBOUND_PREFIX/libexec/testbound"], [TESTBOUND=$UNBOUND_PREFIX/libexec/testbound],
  [test -x "$sb_unbound_build/testbound"], [TESTBOUND=$sb_unbound_build/testbound])
AC_SUBST([sb_unbound_build])
AC_SUBST([sb_unbound_source])
AC_SUBST([sb_unbound_program])
AC_SUBST([UNBOUND_PREFIX])
AC_SUBST([TESTBOUND])
])
