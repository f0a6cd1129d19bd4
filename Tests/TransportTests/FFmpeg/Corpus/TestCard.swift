import Actors
import Foundation
import Transport

/// Four coloured quarters: where each is in the published clip tells geometry, and what it looks like tells colour.
struct TestCard: Sendable {
    enum Turn: Int, Sendable {
        case none, quarter, half, threeQuarters
    }

    struct Colour: Sendable, Equatable {
        let red, green, blue: Double

        /// CIE 1976 L*a*b* under D65, from sRGB.
        private var lab: [Double] {
            func linear(_ value: Double) -> Double {
                let unit = value / 255
                return unit <= 0.04045 ? unit / 12.92 : pow((unit + 0.055) / 1.055, 2.4)
            }
            func curve(_ value: Double) -> Double {
                value > 216.0 / 24389 ? cbrt(value) : (24389.0 / 27 * value + 16) / 116
            }
            let (r, g, b) = (linear(red), linear(green), linear(blue))
            let x = curve((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505)
            let y = curve(0.2126 * r + 0.7152 * g + 0.0722 * b)
            let z = curve((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)
            return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
        }

        /// ΔE*ab: 2 is hardly seen side by side, 10 is another colour.
        func difference(to other: Colour) -> Double {
            zip(lab, other.lab).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
        }

        var hex: String { "0x" + [red, green, blue].map { String(format: "%02X", Int($0)) }.joined() }
    }

    /// Upper left, upper right, lower right, lower left.
    static let quarters = [
        Colour(red: 176, green: 58, blue: 52), Colour(red: 66, green: 150, blue: 84),
        Colour(red: 190, green: 180, blue: 160), Colour(red: 54, green: 72, blue: 160),
    ]

    /// A source of ffmpeg's, in RGB.
    static func source(_ width: Int, _ height: Int, rate: String = "30", seconds: Double = 1.5) -> String {
        let places = [("0", "0"), ("iw/2", "0"), ("iw/2", "ih/2"), ("0", "ih/2")]
        let boxes = zip(quarters, places).map { colour, place in
            "drawbox=x=\(place.0):y=\(place.1):w=iw/2:h=ih/2:color=\(colour.hex):t=fill"
        }
        return "color=black:s=\(width)x\(height):r=\(rate):d=\(seconds),format=gbrp,\(boxes.joined(separator: ","))"
    }

    /// How a camera of today writes HD: BT.709, and says so.
    static let camera = [
        "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-colorspace", "bt709",
        "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
    ]

    /// The largest ΔE of the four quarters in a clip whose picture is shown `width` by `height`.
    static func worstDifference(
        in clip: LocalFile, width: Int, height: Int, turned: Turn, atSecond second: Double, _ lab: MediaLab
    ) async throws -> Double {
        let frame = try await lab.frame(of: clip, atSecond: second)
        let scale = min(1280 / Double(width), 720 / Double(height))
        let (wide, high) = (Double(width) * scale, Double(height) * scale)
        var worst = 0.0
        for (place, (x, y)) in [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)].enumerated() {
            let seen = frame.mean(
                aroundX: Int((1280 - wide) / 2 + x * wide), y: Int((720 - high) / 2 + y * high))
            // A clockwise turn brings what was at the lower left to the upper left.
            worst = max(worst, quarters[(place + 4 - turned.rawValue) % 4].difference(to: seen))
        }
        return worst
    }
}

/// A published picture, as a player of BT.709 shows it.
struct ShownFrame: Sendable {
    let bytes: [UInt8]

    /// Of a square of eight pixels.
    func mean(aroundX x: Int, y: Int) -> TestCard.Colour {
        var sums = [0.0, 0, 0]
        for row in (y - 4)..<(y + 4) {
            for column in (x - 4)..<(x + 4) {
                for channel in 0..<3 { sums[channel] += Double(bytes[(row * 1280 + column) * 3 + channel]) }
            }
        }
        return TestCard.Colour(red: sums[0] / 64, green: sums[1] / 64, blue: sums[2] / 64)
    }
}

extension MediaLab {
    func frame(of file: LocalFile, atSecond second: Double) async throws -> ShownFrame {
        let command = MediaCommand(
            executable: tools.ffmpeg,
            arguments: [
                "-v", "error", "-ss", "\(second)", "-i", "file:\(file.path)", "-frames:v", "1", "-vf",
                "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd,format=rgb24", "-f", "rawvideo", "-",
            ], limits: tools.settings.encodeLimits, deadline: .seconds(20))
        let bytes = try await command.collect(in: plain, limitBytes: 3_000_000).output
        guard bytes.count == 1280 * 720 * 3 else {
            throw MediaLabError(detail: "no picture at \(second) s: \(bytes.count) bytes")
        }
        return ShownFrame(bytes: bytes)
    }
}
