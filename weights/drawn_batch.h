/* weights/drawn_batch.h - draw one of the calibration pictures. Private to weights. */
#ifndef LL_WEIGHTS_DRAWN_BATCH_H
#define LL_WEIGHTS_DRAWN_BATCH_H

#include <stdint.h>

enum { LL_DRAWN_SIDE = 224, LL_DRAWN_BYTES = LL_DRAWN_SIDE * LL_DRAWN_SIDE * 3 };

/** Picture `index` of LL_SYNTHETIC_BATCH as (224, 224, 3) u8 RGB. */
void ll_drawn_picture(int index, uint8_t pixels[LL_DRAWN_BYTES]);

#endif
