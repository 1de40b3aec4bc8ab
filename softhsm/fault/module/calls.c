#include "pkcs11.h"
