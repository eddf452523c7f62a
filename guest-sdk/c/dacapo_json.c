/** JSON, as far as flows need it. The texts come from a server that has checked them. */
#include "dacapo_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *at) {
    return at + strspn(at, " \t\r\n");
}

/** The end of the string that begins with the quote at `at`. */
static const char *string_end(const char *at) {
    for (at++; *at != '\0' && *at != '"'; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
        }
    }
    return *at == '"' ? at + 1 : at;
}

/** The end of the value that begins at `at`. */
static const char *value_end(const char *at) {
    if (*at == '"') {
        return string_end(at);
    }
    if (*at != '{' && *at != '[') {
        return at + strcspn(at, ",]} \t\r\n");
    }
    size_t depth = 0;
    while (*at != '\0') {
        if (*at == '"') {
            at = string_end(at);
            continue;
        }
        if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
        at++;
        if (depth == 0) {
            break;
        }
    }
    return at;
}

static char *copy(const char *from, const char *to) {
    size_t length = (size_t)(to - from);
    char *text = dacapo_allocate(length + 1);
    memcpy(text, from, length);
    return text;
}

/* ---- strings ---- */

char *dacapo_quote(const char *text) {
    static const char hexadecimal[] = "0123456789abcdef";
    char *quoted = dacapo_allocate(6 * strlen(text) + 3), *out = quoted;
    *out++ = '"';
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            *out++ = '\\';
            *out++ = (char)byte;
        } else if (byte < 0x20) {
            memcpy(out, "\\u00", 4);
            out[4] = hexadecimal[byte >> 4];
            out[5] = hexadecimal[byte & 15];
            out += 6;
        } else {
            *out++ = (char)byte;
        }
    }
    *out = '"';
    return quoted;
}

static uint32_t four_digits(const char *at) {
    char digits[5] = {0};
    strncpy(digits, at, 4);
    return (uint32_t)strtoul(digits, NULL, 16);
}

/** Writes a character as UTF-8; the end of it. */
static char *put(char *out, uint32_t character) {
    if (character < 0x80) {
        *out++ = (char)character;
    } else if (character < 0x800) {
        *out++ = (char)(0xC0 | character >> 6);
        *out++ = (char)(0x80 | (character & 0x3F));
    } else if (character < 0x10000) {
        *out++ = (char)(0xE0 | character >> 12);
        *out++ = (char)(0x80 | (character >> 6 & 0x3F));
        *out++ = (char)(0x80 | (character & 0x3F));
    } else {
        *out++ = (char)(0xF0 | character >> 18);
        *out++ = (char)(0x80 | (character >> 12 & 0x3F));
        *out++ = (char)(0x80 | (character >> 6 & 0x3F));
        *out++ = (char)(0x80 | (character & 0x3F));
    }
    return out;
}

char *dacapo_string(const char *json) {
    const char *at = skip_space(json);
    if (*at != '"') {
        return NULL;
    }
    const char *end = string_end(at) - 1;
    char *text = dacapo_allocate((size_t)(end - at) + 1), *out = text;
    for (at++; at < end; at++) {
        if (*at != '\\') {
            *out++ = *at;
            continue;
        }
        at++;
        static const char escapes[] = "bfnrt", meant[] = "\b\f\n\r\t";
        const char *escape = strchr(escapes, *at);
        if (*at == 'u' && end - at > 4) {
            uint32_t character = four_digits(at + 1);
            at += 4;
            /* A character beyond 16 bits stands there as two. */
            if (character >= 0xD800 && character < 0xDC00 && end - at > 6 && at[1] == '\\' && at[2] == 'u') {
                character = 0x10000 + ((character - 0xD800) << 10) + (four_digits(at + 3) - 0xDC00);
                at += 6;
            }
            out = put(out, character);
        } else {
            *out++ = escape != NULL ? meant[escape - escapes] : *at;
        }
    }
    return text;
}

/* ---- numbers, true and false ---- */

/** What a client has encoded twice, once. */
static const char *meant(const char *json) {
    const char *inner = dacapo_string(json);
    return skip_space(inner == NULL ? json : inner);
}

bool dacapo_integer(const char *json, int64_t *value) {
    const char *text = meant(json);
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || errno != 0 || *skip_space(end) != '\0') {
        return false;
    }
    *value = number;
    return true;
}

bool dacapo_boolean(const char *json, bool *value) {
    const char *text = meant(json);
    size_t length = (size_t)(value_end(text) - text);
    bool is_true = length == 4 && memcmp(text, "true", 4) == 0, is_false = length == 5 && memcmp(text, "false", 5) == 0;
    if (is_true || is_false) {
        *value = is_true;
    }
    return is_true || is_false;
}

/* ---- arrays and objects ---- */

char *dacapo_item(const char *json, size_t n) {
    const char *at = skip_space(json);
    if (*at != '[') {
        return NULL;
    }
    for (at = skip_space(at + 1); *at != ']' && *at != '\0'; n--) {
        const char *end = value_end(at);
        if (n == 0) {
            return copy(at, end);
        }
        at = skip_space(end);
        at = *at == ',' ? skip_space(at + 1) : at;
    }
    return NULL;
}

char *dacapo_field(const char *json, const char *name) {
    const char *at = skip_space(json);
    if (*at != '{') {
        return NULL;
    }
    at = skip_space(at + 1);
    while (*at == '"') {
        const char *key = dacapo_string(at);
        at = skip_space(string_end(at));
        at = *at == ':' ? skip_space(at + 1) : at;
        const char *end = value_end(at);
        if (strcmp(key, name) == 0) {
            return copy(at, end);
        }
        at = skip_space(end);
        at = *at == ',' ? skip_space(at + 1) : at;
    }
    return NULL;
}
