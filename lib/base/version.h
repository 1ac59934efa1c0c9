/* version.h: the version of the suite, as -V prints it. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define CONN_VERSION "0.1"

#endif
