"""Every protocol against its benchmark's rule, written here in straight loops from the rule's text.

Scenes are miniature and their numbers whole, so that overlaps at a threshold, equal scores and
equal overlaps are common.
"""

import dataclasses
import math
from bisect import bisect_right
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.evaluation.functional.coco_records import in_order
from mmisr.evaluation.functional.ignore_rules import all_counted
from mmisr.evaluation.functional.matching import match_classes
from mmisr.evaluation.functional.protocol_ap import protocol_ap
from mmisr.evaluation.functional.weighted_ap import weighted_ap
from mmisr.evaluation.size_bins import PROTOCOLS, protocol_named
from mmisr.structures.marks import Mark

OWN_RULES = [name for name, protocol in PROTOCOLS.items() if not protocol.is_coco]
CLASSES = ("car", "others", "van")
EXTENT = 24
LEVELS_OF_RECALL = np.linspace(0, 1, 101).tolist()

many = settings(max_examples=200, deadline=None)
seeds = given(st.integers(0, 10**6))


def scene(record_of, seed, classes=2):
    """A few images with a few objects; detections are copies of them, moved, and others."""
    rng = np.random.default_rng(seed)
    records = []
    for image in range(int(rng.integers(1, 4))):
        gt = boxes(rng, int(rng.integers(0, 5)))
        labels = rng.integers(0, classes, len(gt))
        copies = np.repeat(np.arange(len(gt)), rng.integers(0, 3, len(gt)))
        moved = gt[copies] + rng.integers(-1, 2, (len(copies), 4))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        other = boxes(rng, int(rng.integers(0, 4)))
        det = np.concatenate([moved, other])
        found = np.concatenate([labels[copies], rng.integers(0, classes, len(other))])
        scores = rng.integers(1, 8, len(det)) / 8
        ignore = rng.random(len(gt)) < 0.2
        record = record_of(image + 1, gt, det, labels, found, scores, ignore)
        subsets = [0, 128, 192, 224]  # none; hard; medium and hard; all three
        marks = rng.choice(subsets, len(gt)) + rng.choice([0, 0, 8, 16], len(gt))
        is_region = rng.random(len(gt)) < 0.25
        marks = np.where(is_region, Mark.REGION | Mark.CROWD, marks + ignore)
        ignore = ignore | is_region
        records.append(dataclasses.replace(record, gt_marks=marks, gt_ignore=ignore))
    return records


def boxes(rng, count):
    corner = rng.integers(0, EXTENT, (count, 2))
    side = rng.choice([1, 2, 4, 6, 8, 10, 14, 22, 34], (count, 2))
    return np.concatenate([corner, corner + side], axis=1).astype(np.float64)


def measured(records, name, classes=CLASSES[:2], max_dets=None):
    protocol = protocol_named(name)
    counted = all_counted(records, protocol, classes)
    return protocol_ap(counted, len(classes), protocol, max_dets or protocol.max_dets)


def same(ours, theirs, what):
    if theirs is None or math.isnan(theirs):
        assert math.isnan(ours), what
    else:
        assert ours == pytest.approx(theirs, abs=1e-9), what


def xywh(xyxy):
    return [xyxy[0], xyxy[1], xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]]


@lru_cache(2**16)
def common(a, b):
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def size(box):
    return (box[2] - box[0]) * (box[3] - box[1])


@lru_cache(2**16)
def iou(a, b):
    return common(a, b) / (size(a) + size(b) - common(a, b))


def by_falling_score(rows):
    return sorted(rows, key=lambda row: -row["score"])


def area_under(points):
    """``VOCap``: points are (recall, precision) along falling scores."""
    recall = [0.0, *(r for r, _ in points), 1.0]
    best = [0.0, *(0.0 if math.isnan(p) else p for _, p in points), 0.0]
    for i in reversed(range(len(best) - 1)):
        best[i] = max(best[i], best[i + 1])
    steps = range(1, len(recall))
    return sum((recall[i] - recall[i - 1]) * best[i] for i in steps if recall[i] != recall[i - 1])


def rows_of(record, label):
    """Annotations and detections of one class, as lists of dicts."""
    truth = []
    for i in np.flatnonzero(record.gt_labels == label):
        mark = int(record.gt_marks[i])
        row = {"box": tuple(record.gt_xyxy[i].tolist()), "ignore": bool(record.gt_ignore[i])}
        truth.append({**row, "mark": mark, "area": float(record.gt_areas[i])})
    found = []
    for i in np.flatnonzero(record.det_labels == label):
        row = {"box": tuple(record.det_xyxy[i].tolist()), "score": float(record.det_scores[i])}
        found.append({**row, "area": float(record.det_areas[i])})
    return truth, found


# COCO's loop, with what is ignored as a parameter ------------------------------------------------


def coco_loop(truth, found, level, own_area=lambda g: False, again=lambda g: False):
    """``evaluateImg``: (score, TP / FP / ignored) by falling score."""
    truth = sorted(truth, key=lambda g: g["ignored"])
    taken = [False] * len(truth)
    outcome = []
    for d in by_falling_score(found):
        best, match = level, None
        for i, g in enumerate(truth):
            if taken[i] and not again(g):
                continue
            if match is not None and not truth[match]["ignored"] and g["ignored"]:
                break
            overlap = common(d["box"], g["box"]) / size(d["box"])
            if not own_area(g):
                overlap = iou(d["box"], g["box"])
            if overlap < best:
                continue
            best, match = overlap, i
        if match is None:
            outcome.append([d, "fp"])
        else:
            taken[match] = True
            outcome.append([d, "ignored" if truth[match]["ignored"] else "tp"])
    return outcome


def interpolated(outcomes, positives):
    """COCO's 101 points, and the final recall."""
    if not positives:
        return None, None
    tp = fp = 0
    points = []
    for _, kind in by_score(outcomes):
        tp += kind == "tp"
        fp += kind == "fp"
        points.append((tp / positives, tp / max(tp + fp, 1)))
    best, at, total = 0.0, len(points), 0.0
    for level in LEVELS_OF_RECALL[::-1]:  # the best precision at this recall or above
        while at and points[at - 1][0] >= level:
            at -= 1
            best = max(best, points[at][1])
        total += best
    return total / 101, tp / positives


def by_score(outcomes):
    return sorted(outcomes, key=lambda pair: -pair[0]["score"])


def mean(values):
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def binned(records, classes, span, levels, cap, is_ignored, match):
    """AP and recall by level and class, of one range of sizes."""
    ap, ar = [], []
    for level in levels:
        aps, recalls = [], []
        for label in range(classes):
            outcomes, positives = [], 0
            for record in records:
                truth, found = rows_of(record, label)
                for g in truth:
                    g["ignored"] = is_ignored(g) or not span[0] <= g["area"] <= span[1]
                    positives += not g["ignored"]
                outcome = match(truth, by_falling_score(found)[:cap], level)
                for pair in outcome:
                    outside = not span[0] <= pair[0]["area"] <= span[1]
                    if pair[1] == "fp" and outside:
                        pair[1] = "ignored"
                outcomes += outcome
            one, recall = interpolated(outcomes, positives)
            aps.append(one)
            recalls.append(recall)
        ap.append(mean(aps))
        ar.append(mean(recalls))
    return ap, mean(ar)


# TinyPerson --------------------------------------------------------------------------------------


def tiny_match(truth, found, level):
    """COCO's loop; what found nothing may lie in anything that does not count."""
    outcome = coco_loop(truth, found, level)
    for pair in outcome:
        if pair[1] != "fp":
            continue
        box = pair[0]["box"]
        if any(common(box, g["box"]) / size(box) >= level for g in truth if g["ignored"]):
            pair[1] = "ignored"
    return outcome


@seeds
@many
def test_tinyperson(record_of, seed):
    records = scene(record_of, seed)
    levels = (0.25, 0.5, 0.75)
    ours = measured(records, "tinyperson", max_dets=3)
    sides = {"all": (1, 1e5), "tiny": (1, 20), "tiny1": (1, 8), "tiny2": (8, 12)}
    sides |= {"tiny3": (12, 20), "small": (20, 32), "reasonable": (32, 1e5)}
    assert list(ours) == list(sides)
    for name in ("all", "tiny1", "tiny3") if seed % 2 else ("all", "tiny", "small"):
        low, high = sides[name]
        ap, ar = binned(
            records,
            2,
            (low**2, high**2),
            levels,
            3,
            lambda g: g["ignore"] or g["mark"] & Mark.UNCERTAIN,
            tiny_match,
        )
        for value, theirs in zip(
            (ours[name].ap25, ours[name].ap50, ours[name].ap75), ap, strict=True
        ):
            same(value, theirs, name)
        same(ours[name].ap, mean(ap), name)
        same(ours[name].ar, ar, name)


def test_tinyperson_inside_an_ignored_box(record_of):
    """Half of the detection lies in a large ignored box: IoU is small, the own share is 0.5."""
    record = record_of(1, [[0, 0, 30, 30], [60, 60, 70, 70]], [[25, 0, 35, 10], [60, 60, 70, 70]])
    record = dataclasses.replace(record, det_scores=np.array([0.9, 0.8]))
    counted = measured([record], "tinyperson", ("person",))["all"]
    assert (counted.ap25, counted.count) == (pytest.approx(51 / 101 * 0.5), 2)
    uncertain = dataclasses.replace(record, gt_marks=np.array([Mark.UNCERTAIN, 0]))
    ignored = measured([uncertain], "tinyperson", ("person",))["all"]
    assert (ignored.ap25, ignored.ap50, ignored.count) == (1, 1, 1)
    assert ignored.ap75 == pytest.approx(0.5)  # at 0.75 the share is too little


# SODA-D ------------------------------------------------------------------------------------------


@seeds
@many
def test_sodad(record_of, seed):
    """Regions to ignore are objects: one detection each, by IoU."""
    records = scene(record_of, seed)
    ours = measured(records, "sodad", max_dets=4)
    levels = np.linspace(0.5, 0.95, 10)
    spans = {"all": (0, 1e10), "small": (0, 1024), "eS": (0, 144), "rS": (144, 400)}
    spans |= {"gS": (400, 1024), "normal": (1024, 2000)}
    assert list(ours) == list(spans)
    for name in ("all", "eS") if seed % 2 else ("small", "rS"):
        ap, ar = binned(records, 2, spans[name], levels, 4, lambda g: g["ignore"], coco_loop)
        same(ours[name].ap, mean(ap), name)
        same(ours[name].ap75, ap[5], name)
        same(ours[name].ar, ar, name)


def test_sodad_an_ignored_object_takes_one_detection(record_of):
    twice = [[0, 0, 10, 10], [0, 0, 10, 10], [50, 50, 60, 60]]
    record = record_of(
        1, [[0, 0, 10, 10], [50, 50, 60, 60]], twice, scores=[0.9, 0.8, 0.7], ignore=[True, False]
    )
    assert measured([record], "sodad", ("car",))["all"].ap == pytest.approx(0.5)
    assert measured([record], "coco", ("car",))["all"].ap == 1  # a crowd takes both


# VisDrone ----------------------------------------------------------------------------------------


def looked_up(box, painted):
    """The share of a box in the map of ignored regions, as the toolkit looks it up."""
    x, y, w, h = (max(1, math.floor(v + 0.5)) for v in xywh(box))
    # Both corners of its integral image are pixels: the first row and column do not count.
    return painted[y + 1 : y + h + 1, x + 1 : x + w + 1].sum() / (w * h) >= 0.5


def outside_regions(record):
    """Which annotations and detections are left."""
    painted = np.zeros((200, 200))  # pixels are counted from 1
    is_region = (record.gt_marks & Mark.REGION) != 0
    for box in record.gt_xyxy[is_region]:
        x, y, w, h = (max(1, int(v)) for v in xywh(box))
        painted[y : y + h + 1, x : x + w + 1] = 1
    kept = [
        not r and not looked_up(b, painted)
        for r, b in zip(is_region, record.gt_xyxy.tolist(), strict=True)
    ]
    seen = [not looked_up(b, painted) for b in record.det_xyxy.tolist()]
    return np.array(kept, dtype=bool), np.array(seen, dtype=bool)


def visdrone_toolkit(records, classes, caps):
    """``calcAccuracy``: AP by class and threshold, AR by cap, and the classes of the mean."""
    ap, ar, weight = {}, {}, {}
    images = []
    for record in records:
        kept, seen = outside_regions(record)
        order = np.argsort(-record.det_scores[seen], kind="stable")
        found = [
            {"box": tuple(b), "score": s, "label": c}
            for b, s, c in zip(
                record.det_xyxy[seen][order].tolist(),
                record.det_scores[seen][order].tolist(),
                record.det_labels[seen][order].tolist(),
                strict=True,
            )
        ]
        truth = [
            {"box": tuple(b), "ignored": bool(i), "label": c}
            for b, i, c in zip(
                record.gt_xyxy[kept].tolist(),
                record.gt_ignore[kept],
                record.gt_labels[kept].tolist(),
                strict=True,
            )
        ]
        images.append((truth, found))
    for label in classes:
        weight[label] = sum(any(g["label"] == label for g in truth) for truth, _ in images)
        for level in np.linspace(0.5, 0.95, 10):
            for cap in caps:
                outcomes, number = [], 0
                for truth, found in images:
                    of_class = [dict(g) for g in truth if g["label"] == label]
                    number += len(of_class)
                    outcomes += coco_loop(
                        of_class,
                        [d for d in found[:cap] if d["label"] == label],
                        level,
                        own_area=lambda g: g["ignored"],
                        again=lambda g: g["ignored"],
                    )
                points, tp, fp = [], 0, 0
                for _, kind in by_score(outcomes):
                    tp += kind == "tp"
                    fp += kind == "fp"
                    points.append((tp / max(1, number), tp / max(1, tp + fp)))
                ar.setdefault((label, cap), []).append(max((r for r, _ in points), default=0))
            ap.setdefault(label, []).append(area_under(points))
    return ap, ar, weight


def weighted_mean(values, weight):
    total = sum(weight.values())
    return sum(values[c] * weight[c] for c in weight) / total if total else None


@seeds
@many
def test_visdrone(record_of, seed):
    records = scene(record_of, seed, classes=3)
    protocol = protocol_named("visdrone")
    averaging = dataclasses.replace(protocol.averaging, recall_at=(1, 3))
    protocol = dataclasses.replace(protocol, averaging=averaging)
    counted = all_counted(records, protocol, CLASSES)
    ours = protocol_ap(counted, 3, protocol, 5)["all"]
    ap, ar, weight = visdrone_toolkit(records, (0, 2), (1, 3, 5))  # class 1 is "others"
    same(ours.ap, weighted_mean({c: np.mean(v) for c, v in ap.items()}, weight), "AP")
    same(ours.ap50, weighted_mean({c: v[0] for c, v in ap.items()}, weight), "AP50")
    same(ours.ap75, weighted_mean({c: v[5] for c, v in ap.items()}, weight), "AP75")
    for cap, value in ((1, ours.recall_at[1]), (3, ours.recall_at[3]), (5, ours.ar)):
        recall = {c: np.mean(ar[c, cap]) for c in weight}
        same(value, weighted_mean(recall, weight), f"AR@{cap}")


def test_visdrone_drops_before_it_matches(record_of):
    """Half of its own area in a region: neither the object nor the detection is there any more.

    Of the two in the region one object counts under COCO's rule, which knows crowds alone.
    """
    region, inside, alone = [10, 10, 50, 50], [40, 20, 60, 30], [80, 80, 90, 90]
    record = record_of(
        1, [region, inside, alone], [inside, alone], scores=[0.9, 0.5], ignore=[True, False, False]
    )
    record = dataclasses.replace(record, gt_marks=np.array([Mark.REGION | Mark.CROWD, 0, 0]))
    ours = measured([record], "visdrone", ("car",))["all"]
    assert (ours.ap, ours.count) == (1, 1)
    assert measured([record], "coco", ("car",))["all"].count == 2
    right = dataclasses.replace(
        record, gt_xyxy=record.gt_xyxy + [[0, 0, 0, 0], [2, 0, 2, 0], [0] * 4]
    )
    assert measured([right], "visdrone", ("car",))["all"].count == 2


def test_visdrone_caps_the_image_and_weighs_classes_by_images(record_of):
    """Two classes: one is found on the one image that has it, the other missed on both of its own.

    A cap of one detection an image leaves none for the second class.
    """
    box, far = [0, 0, 10, 10], [50, 50, 60, 60]
    first = record_of(1, [box, far], [box, far], [0, 2], [0, 2], [0.9, 0.8])
    second = record_of(2, [far], [], [2])
    assert measured([first, second], "visdrone", CLASSES, 1)["all"].ap == pytest.approx(1 / 3)
    assert measured([first, second], "visdrone", CLASSES)["all"].ap == pytest.approx(2 / 3)


# PASCAL VOC and WIDER FACE -----------------------------------------------------------------------


def pixel_iou(a, b):
    wide = min(a[2], b[2]) - max(a[0], b[0]) + 1
    high = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if wide <= 0 or high <= 0:
        return 0.0
    both = (a[2] - a[0] + 1) * (a[3] - a[1] + 1) + (b[2] - b[0] + 1) * (b[3] - b[1] + 1)
    return wide * high / (both - wide * high)


def devkit_iou(a, b):
    """Of edges; the development kit has the first and last pixel of a box, counted from 1."""
    return pixel_iou(*((x1 + 1, y1 + 1, x2, y2) for x1, y1, x2, y2 in (a, b)))


def most_overlapping(box, truth, iou):
    best, match = -1.0, None
    for i, g in enumerate(truth):
        if iou(box, g["box"]) > best:
            best, match = iou(box, g["box"]), i
    return best, match


def voc_points(records, label, is_ignored):
    """``VOCevaldet``: (recall, precision) along all detections of a class."""
    images = [rows_of(record, label) for record in records]
    number = sum(not is_ignored(g) for truth, _ in images for g in truth)
    detections = [(i, d) for i, (_, found) in enumerate(images) for d in found]
    taken = set()
    points, tp, fp = [], 0, 0
    for image, d in sorted(detections, key=lambda pair: -pair[1]["score"]):
        best, match = most_overlapping(d["box"], images[image][0], devkit_iou)
        if best >= 0.5:
            if not is_ignored(images[image][0][match]):
                hit = (image, match) not in taken
                tp += hit
                fp += not hit
                taken.add((image, match))
        else:
            fp += 1
        if number:
            points.append((tp / number, tp / (tp + fp) if tp + fp else math.nan))
    return points, number


def eleven(points):
    total = 0.0
    for level in (0, 0.1, 0.2, 3 * 0.1, 0.4, 0.5, 0.6, 1 - 3 * 0.1, 0.8, 0.9, 1):
        total += max((p for r, p in points if r >= level and p == p), default=0.0)
    return total / 11


@pytest.mark.parametrize(("name", "average"), [("voc", area_under), ("voc07", eleven)])
@seeds
@many
def test_voc(record_of, name, average, seed):
    records = scene(record_of, seed)
    ours = measured(records, name)["all"]
    aps, recalls = [], []
    for label in range(2):
        points, number = voc_points(
            records, label, lambda g: g["ignore"] or g["mark"] & Mark.DIFFICULT
        )
        if number:
            aps.append(average(points))
            recalls.append(points[-1][0] if points else 0.0)
    same(ours.ap, mean(aps), "AP")
    same(ours.ap50, mean(aps), "AP50")
    same(ours.ar, mean(recalls), "recall")
    assert math.isnan(ours.ap75)


def test_voc_by_hand(record_of):
    """The second match is false, even where another object would fit; difficult ones take all."""
    near = [[0, 0, 9, 9], [0, 2, 9, 11]]
    record = record_of(1, near, [near[0], near[0]], scores=[0.9, 0.8])
    assert measured([record], "voc", ("cat",))["all"].ap == 0.5
    assert measured([record], "voc", ("cat",))["all"].ar == 0.5
    difficult = dataclasses.replace(record, gt_marks=np.array([Mark.DIFFICULT, 0]))
    ours = measured([difficult], "voc", ("cat",))["all"]
    assert (ours.ap, ours.count) == (0, 1)
    # Pixels 1 to 10 of a VOC file, and 1 to 5 of the rows: half of them.
    half = record_of(1, [[0, 0, 10, 10]], [[0, 0, 10, 5]])
    assert measured([half], "voc", ("cat",))["all"].ap == 1
    less = record_of(1, [[0, 0, 10, 10]], [[0, 0, 10, 4.9]])
    assert measured([less], "voc", ("cat",))["all"].ap == 0


def test_voc07_takes_eleven_levels(record_of):
    """One of two found: precision 1 at the levels 0 to 0.5."""
    record = record_of(1, [[0, 0, 9, 9], [50, 50, 59, 59]], [[0, 0, 9, 9]])
    assert measured([record], "voc07", ("cat",))["all"].ap == pytest.approx(6 / 11)
    assert measured([record], "voc", ("cat",))["all"].ap == 0.5


def wider_tool(records, mark, label=0):
    """``evaluation.m`` of one setting: 1000 levels of the stretched score."""
    scores = [s for record in records for s in record.det_scores.tolist()]
    low, high = (min(scores), max(scores)) if scores else (0, 0)
    curve = [[0, 0] for _ in range(1000)]
    faces = 0
    for record in records:
        truth, found = rows_of(record, label)
        keep = [bool(g["mark"] & mark) and not g["ignore"] for g in truth]
        faces += sum(keep)
        if not truth or not found or high <= low:
            continue
        recalled = [0] * len(truth)
        proposals, recall, stretched = [], [], []
        for d in by_falling_score(found):
            best, match = most_overlapping(d["box"], truth, pixel_iou)
            proposals.append(1)
            if best >= 0.5:
                if not keep[match]:
                    recalled[match] = -1
                    proposals[-1] = -1
                elif recalled[match] == 0:
                    recalled[match] = 1
            recall.append(recalled.count(1))
            stretched.append(-(d["score"] - low) / (high - low))
        before = [0, *(proposals[: i + 1].count(1) for i in range(len(proposals)))]
        for t in range(1, 1001):
            reach = bisect_right(stretched, -(1 - t / 1000))
            if reach:
                curve[t - 1][0] += before[reach]
                curve[t - 1][1] += recall[reach - 1]
    if not faces:
        return None
    points = [(r / faces, r / p if p else math.nan) for p, r in curve]
    return area_under(points)


@seeds
@many
def test_wider(record_of, seed):
    records = scene(record_of, seed, classes=1)
    if not any((r.gt_marks & 224).any() for r in records):
        return
    ours = measured(records, "wider", ("face",))
    for name, mark in (("easy", Mark.EASY), ("medium", Mark.MEDIUM), ("hard", Mark.HARD)):
        same(ours[name].ap, wider_tool(records, mark), name)
    assert repr(ours["all"]) == repr(ours["hard"])


def test_corners_of_wider_are_pixels(record_of):
    """10 x 10 pixels and 10 x 5 of them: 0.5 with the pixel that corners are, 0.44 without."""
    half = record_of(1, [[0, 0, 9, 9]], [[0, 0, 9, 4], [50, 50, 59, 59]], scores=[0.9, 0.1])
    half = dataclasses.replace(half, gt_marks=np.array([224]))
    assert measured([half], "wider", ("face",))["hard"].ap == 1
    assert measured([half], "voc", ("face",))["all"].ap == 0


def test_wider_both_directions(record_of):
    """A face of another subset is no miss, and what finds it is no false positive."""
    faces = [[0, 0, 9, 9], [50, 50, 59, 59]]
    record = record_of(1, faces, faces, scores=[0.9, 0.5])
    record = dataclasses.replace(record, gt_marks=np.array([Mark.HARD, 224]))
    ours = measured([record], "wider", ("face",))
    assert (ours["easy"].ap, ours["easy"].count) == (1, 1)
    assert (ours["hard"].ap, ours["hard"].count) == (1, 2)
    without = dataclasses.replace(record, gt_marks=np.zeros(2, dtype=int))
    with pytest.raises(ValueError, match=r"'wider' counts the subsets \['easy', .*none of 2 annot"):
        measured([without], "wider", ("face",))


def test_wider_leaves_images_without_faces_out(record_of):
    face = [0, 0, 9, 9]
    record = record_of(1, [face], [face, [70, 70, 90, 90]], scores=[0.5, 0.1])
    record = dataclasses.replace(record, gt_marks=np.array([224]))
    empty = record_of(2, [], [[20, 20, 40, 40]], scores=[0.9])
    assert measured([record, empty], "wider", ("face",))["hard"].ap == 1
    assert measured([record, empty], "voc", ("face",))["all"].ap == 0.5


# All of them -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OWN_RULES)
@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_image_counts_as_often_as_it_is_drawn(record_of, name, seed):
    """The bootstrap's figures are those of data in which the images are really listed again."""
    protocol = protocol_named(name)
    records = without_ties(with_faces(scene(record_of, seed)), seed)
    records = in_order(all_counted(records, protocol, CLASSES[:2]))
    weights = np.random.default_rng(seed).integers(0, 4, (3, len(records)))
    matches = match_classes(records, 2, protocol.ranges(), 4, protocol)
    drawn = weighted_ap(matches, list(protocol.ranges()), weights, rules=protocol)
    span = record_of(99, [], [[0, 0, 1, 1]] * 2, scores=span_of(records))
    for row, weight in enumerate(weights.tolist()):
        listed = [dataclasses.replace(span, img_id=10**6)] if name == "wider" else []
        for record, times in zip(records, weight, strict=True):
            for copy in range(times):
                listed.append(dataclasses.replace(record, img_id=record.img_id * 10 + copy))
        figures = protocol_ap(listed, 2, protocol, 4)
        for range_name, figure in figures.items():
            for key in ("ap", "ap50", "ap75", "ar"):
                value = getattr(drawn[range_name], key)[row]
                same(value, getattr(figure, key), f"{range_name} {key}")


def without_ties(records, seed):
    """Copies of images would come between equal scores of one."""
    rng = np.random.default_rng(seed)
    return [dataclasses.replace(r, det_scores=rng.random(len(r.det_scores))) for r in records]


def with_faces(records):
    """At least one annotation is in a subset."""
    return [dataclasses.replace(r, gt_marks=r.gt_marks | 224) for r in records]


def span_of(records):
    scores = np.concatenate([r.det_scores for r in records])
    return [scores.min(), scores.max()] if len(scores) else [0.0, 1.0]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_nothing_there_is_no_number_and_nothing_found_is_zero(record_of, name):
    empty = measured([record_of(1, [], [[0, 0, 9, 9]])], name, ("face",))["all"]
    assert math.isnan(empty.ap)
    assert empty.count == 0
    missed = dataclasses.replace(record_of(1, [[0, 0, 9, 9]]), gt_marks=np.array([224]))
    figures = measured([missed], name, ("face",))["all"]
    assert (figures.ap, figures.ar, figures.count) == (0, 0, 1)
    assert math.isnan(measured([], name, ("face",))["all"].ap)
