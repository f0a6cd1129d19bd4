import Actors
import FoundationEssentials

/// What `ffprobe -print_format json` says, as far as it is used: keys in snake case, numbers as strings; absent means
/// unknown.
package struct ProbeReport: Decodable, Sendable {
    let streams: [Stream]?
    let format: Format?

    struct Stream: Decodable, Sendable {
        let index: Int
        let codecType: String?
        let codecName: String?
        let width: Int?
        let height: Int?
        let colorSpace: String?
        let colorTransfer: String?
        let fieldOrder: String?
        let avgFrameRate: String?
        let duration: String?
        let nbFrames: String?
        let extradataHash: String?
        let disposition: [String: Int]?
        let tags: [String: String]?
        let sideDataList: [SideData]?
    }

    struct SideData: Decodable, Sendable {
        let rotation: Double?
    }

    struct Format: Decodable, Sendable {
        let startTime: String?
        let duration: String?
        let tags: [String: String]?
    }

    /// Entries that keep the report small whatever the file holds.
    static let entries =
        "stream=index,codec_type,codec_name,width,height,color_space,color_transfer,field_order,avg_frame_rate,duration,nb_frames,extradata_hash"
        + ":stream_disposition=attached_pic:stream_tags=rotate,DURATION:stream_side_data=rotation"
        + ":format=start_time,duration:format_tags=major_brand"

    /// The first picture stream that is not a cover.
    var picture: Stream? {
        streams?.first { $0.codecType == "video" && $0.disposition?["attached_pic"] != 1 }
    }
}

extension ProbeReport.Stream {
    /// A decoder knows the codec and the size is known.
    var isPlayable: Bool {
        guard let codecName, codecName != "unknown", codecName != "none" else { return false }
        return (width ?? 0) > 0 && (height ?? 0) > 0
    }

    /// Frames a second; nil for `0/0`, and for what is no more than the time base of a container that counts milliseconds:
    /// a browser's recording has no rate of its own.
    func frameRate(in container: MediaContainer) -> Double? {
        if avgFrameRate == "1000/1", [.mkv, .webm, .wmv].contains(container) { return nil }
        let parts = (avgFrameRate ?? "").split(separator: "/").compactMap { Double($0) }
        guard parts.count == 2, parts[1] > 0, parts[0] > 0 else { return nil }
        return parts[0] / parts[1]
    }

    var traits: PictureTraits {
        PictureTraits(light: light, isInterlaced: ["tt", "bb", "tb", "bt"].contains(fieldOrder))
    }

    private var light: PictureTraits.Light {
        if let transfer = colorTransfer, ["smpte2084", "arib-std-b67"].contains(transfer) {
            return .high(transfer: transfer)
        }
        let isUntagged = colorSpace == nil || colorSpace == "unknown"
        return isUntagged && max(width ?? 0, height ?? 0) >= 1280 ? .untaggedHD : .standard
    }

    /// Width and height as they are shown, after the rotation that a phone notes beside the picture.
    var shownSize: (width: Int, height: Int) {
        let size = (width: width ?? 0, height: height ?? 0)
        let noted = sideDataList?.lazy.compactMap(\.rotation).first ?? tags?["rotate"].flatMap(Double.init) ?? 0
        guard noted.isFinite, abs(noted) < 1e6 else { return size }
        let quarter = Int((noted / 90).rounded()) % 2 != 0
        return quarter ? (size.height, size.width) : size
    }

    /// The picture's own length; a container's may be longer by its sound.
    var ownDuration: Duration? {
        ProbeReport.seconds(duration) ?? ProbeReport.clockTime(tags?["DURATION"])
    }
}

extension ProbeReport {
    /// The container's length. Matroska counts it from zero, not from its first packet.
    func duration(in container: MediaContainer) -> Duration? {
        guard let whole = Self.seconds(format?.duration) else { return nil }
        guard container == .mkv || container == .webm, let start = Self.seconds(format?.startTime) else {
            return whole
        }
        return whole > start ? whole - start : nil
    }

    /// Positive seconds; nil for `N/A` and for what no clip can last.
    static func seconds(_ text: String?) -> Duration? {
        guard let text, let value = Double(text), value.isFinite, value > 0, value < 1e9 else { return nil }
        return .seconds(value)
    }

    /// Matroska's `00:00:12.345000000`.
    static func clockTime(_ text: String?) -> Duration? {
        let parts = (text ?? "").split(separator: ":").map { Double($0) ?? .nan }
        guard parts.count == 3 else { return nil }
        return seconds("\(parts[0] * 3600 + parts[1] * 60 + parts[2])")
    }
}
