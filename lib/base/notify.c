#include "base/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#include "base/banned.h"

static int send_ready(const char *name)
{
    static const char text[] = "READY=1";
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    if (len >= sizeof to.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(to.sun_path, name, len);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ssize_t n = sendto(fd, text, sizeof text - 1, MSG_NOSIGNAL, (struct sockaddr *)&to, size);
    int e = errno;
    (void)close(fd);
    errno = e;
    return n < 0 ? -1 : 0;
}

void notify_ready(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (!name)
        return;
    if (send_ready(name) < 0)
        warn_sys("cannot announce readiness to '%s' ($NOTIFY_SOCKET)", name);
    (void)unsetenv("NOTIFY_SOCKET");
}
