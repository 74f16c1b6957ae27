/* Names to numbers through the C library, which also asks NSS (LDAP, systemd), not only /etc/passwd. */
#include "taploom.h"
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>

int tl_user_id(const char *name)
{
    char text[16384];
    struct passwd entry, *found = NULL;
    int error = getpwnam_r(name, &entry, text, sizeof text, &found);
    if (!found) return error ? -error : -ENOENT;
    return entry.pw_uid > INT_MAX ? -EOVERFLOW : (int)entry.pw_uid;
}

int tl_group_id(const char *name)
{
    char text[16384];
    struct group entry, *found = NULL;
    int error = getgrnam_r(name, &entry, text, sizeof text, &found);
    if (!found) return error ? -error : -ENOENT;
    return entry.gr_gid > INT_MAX ? -EOVERFLOW : (int)entry.gr_gid;
}
