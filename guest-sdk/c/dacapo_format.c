/** Texts as printf() makes them, but for floating-point: that would be half of a small module. */
#include "dacapo_host.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** A text under way. As long as there is no room for it, it is only measured. */
typedef struct {
    char *room;
    size_t length;
} text;

static void add(text *to, const char *from, size_t length) {
    if (to->room != NULL) {
        memcpy(to->room + to->length, from, length);
    }
    to->length += length;
}

/** What stands between `%` and the letter. */
typedef struct {
    bool left, zeros;
    /** Bytes at least. */
    size_t width;
    /** Bytes of a string at most. */
    size_t most;
    /** Whether the argument has 64 bits. */
    bool wide;
} specification;

static void add_padded(text *to, const specification *how, const char *from, size_t length) {
    size_t room = how->width > length ? how->width - length : 0;
    if (how->zeros && !how->left && *from == '-') {
        add(to, from++, 1);
        length--;
    }
    for (; room > 0 && !how->left; room--) {
        add(to, how->zeros ? "0" : " ", 1);
    }
    add(to, from, length);
    for (; room > 0; room--) {
        add(to, " ", 1);
    }
}

static void add_number(text *to, const specification *how, bool negative, uint64_t number, unsigned base) {
    char all[21], *first = all + sizeof all;
    do {
        *--first = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    if (negative) {
        *--first = '-';
    }
    add_padded(to, how, first, (size_t)(all + sizeof all - first));
}

/** Ends the run. What was last logged as an error is taken for the reason. */
static _Noreturn void refuse(const char *from, const char *end) {
    dacapo_log(
        DACAPO_ERROR,
        "%.*s is no conversion of dacapo_format, which has %%s, %%c, %%d, %%i, %%u, %%x and %%%%; "
        "write it with snprintf, and pass the text by %%s",
        (int)(end - from), from
    );
    abort();
}

/** A number of the format, or the argument that `*` stands for. */
static size_t number_at(const char **at, va_list *arguments) {
    if (**at == '*') {
        (*at)++;
        int given = va_arg(*arguments, int);
        return given < 0 ? 0 : (size_t)given;
    }
    return strtoul(*at, (char **)at, 10);
}

/** Reads flags, width, precision and size; the letter is left. */
static specification specification_at(const char **at, va_list *arguments) {
    specification how = {.most = SIZE_MAX};
    for (; **at == '-' || **at == '0'; (*at)++) {
        how.left |= **at == '-';
        how.zeros |= **at == '0';
    }
    how.width = number_at(at, arguments);
    if (**at == '.') {
        (*at)++;
        how.most = number_at(at, arguments);
    }
    for (; **at != '\0' && strchr("lzj", **at) != NULL; (*at)++) {
        size_t bytes = **at == 'z' ? sizeof(size_t) : **at == 'j' || (*at)[1] == 'l' ? sizeof(int64_t) : sizeof(long);
        how.wide |= bytes == sizeof(int64_t);
    }
    return how;
}

static void add_all(text *to, const char *at, va_list *arguments) {
    while (*at != '\0') {
        size_t plain = strcspn(at, "%");
        add(to, at, plain);
        at += plain;
        if (*at == '\0') {
            break;
        }
        const char *from = at++;
        specification how = specification_at(&at, arguments);
        char letter = *at++;
        if (letter == 's') {
            const char *string = va_arg(*arguments, const char *);
            string = string == NULL ? "(null)" : string;
            size_t length = 0;
            for (; length < how.most && string[length] != '\0'; length++) {
            }
            add_padded(to, &how, string, length);
        } else if (letter == 'd' || letter == 'i') {
            int64_t number = how.wide ? va_arg(*arguments, int64_t) : va_arg(*arguments, int);
            add_number(to, &how, number < 0, number < 0 ? -(uint64_t)number : (uint64_t)number, 10);
        } else if (letter == 'u' || letter == 'x') {
            uint64_t number = how.wide ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned);
            add_number(to, &how, false, number, letter == 'u' ? 10 : 16);
        } else if (letter == 'c') {
            add_padded(to, &how, &(char){(char)va_arg(*arguments, int)}, 1);
        } else if (letter == '%') {
            add(to, "%", 1);
        } else {
            refuse(from, letter == '\0' ? at - 1 : at);
        }
    }
}

char *dacapo_format_all(const char *format, va_list arguments) {
    text text = {0};
    va_list again;
    va_copy(again, arguments);
    add_all(&text, format, &again);
    va_end(again);
    text.room = dacapo_allocate(text.length + 1);
    text.length = 0;
    va_copy(again, arguments);
    add_all(&text, format, &again);
    va_end(again);
    return text.room;
}
