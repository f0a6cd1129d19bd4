import Actors

/// The built-in look, drawn by ffmpeg itself: a night sky that turns to a sunset over the lines of a court, and a
/// basketball.
struct BrandArt: Sendable {
    let sky: LocalFile
    let ball: LocalFile
    let font: LocalFile

    static let bumperSeconds = 2.4

    /// One run that makes the still pictures.
    func stills(watermark: LocalFile) -> [String] {
        let graph = """
            color=c=black:s=640x360:d=0.04:r=25,format=gbrp,\(Self.skyPixels),scale=1280:720:flags=bicubic,format=rgb24[sky];\
            color=c=black@0:s=520x520:d=0.04:r=25,format=gbrap,\(Self.ballPixels),\
            scale=260:260:flags=area,format=rgba,split[ball][copy];\
            [copy]scale=46:46:flags=area[small];\
            color=c=white@0:s=160x56:d=0.04:r=25,format=rgba,\
            drawtext=fontfile=\(FilterText.escape(font.path)):text=ANB:fontsize=42:fontcolor=white@0.95\
            :borderw=3:bordercolor=0x060B26:x=54:y=(h-th)/2[name];\
            [name][small]overlay=4:5:format=rgb,colorchannelmixer=aa=0.88[mark]
            """
        return ["-filter_complex", graph]
            + ["[sky]", "[ball]", "[mark]"].enumerated().flatMap { index, label in
                let file = [sky, ball, watermark][index]
                return ["-map", label, "-frames:v", "1", "-c:v", "png", "-f", "image2pipe", ClipFormat.url(file)]
            }
    }

    /// The ball rolls in and bounces to rest; the name fades in beside it.
    func intro(at rate: ClipRate) -> String {
        """
        \(picture(sky, rate))[sky];\(picture(ball, rate)),rotate=a=7*pow(1-min(t/1.1\\,1)\\,2):c=none[ball];\
        [sky][ball]overlay=x=150-430*pow(1-min(t/1.1\\,1)\\,2):y=222-210*abs(cos(PI*2.5*min(t/1.1\\,1)))\
        *pow(1-min(t/1.1\\,1)\\,1.3):format=rgb[scene];\
        [scene]\(text("ANB", size: 236, x: "470+60*pow(1-min(t/0.9\\,1)\\,3)", y: "214", from: 0.3)),\
        \(text("RISING STARS", size: 77, x: "482+120*pow(1-min(t/1.1\\,1)\\,3)", y: "436", from: 0.6,
               colour: "0xFFC48A")),\
        \(Self.ending)
        """
    }

    /// The ball falls to the middle; the call to vote fades in below.
    func outro(at rate: ClipRate) -> String {
        """
        \(picture(sky, rate))[sky];\(picture(ball, rate)),scale=200:200:flags=area,rotate=a=1.5*pow(1-min(t/0.9\\,1)\\,2):c=none[ball];\
        [sky][ball]overlay=x=(W-w)/2:y=96-330*abs(cos(PI*1.5*min(t/0.9\\,1)))*pow(1-min(t/0.9\\,1)\\,1.3)\
        :format=rgb[scene];\
        [scene]\(text("Vota por tu estrella", size: 84, x: "(w-tw)/2", y: "346", from: 0.3)),\
        \(text("ANB  RISING  STARS", size: 46, x: "(w-tw)/2", y: "478", from: 0.6, colour: "0xFFC48A")),\
        \(Self.ending)
        """
    }

    /// One picture, held for the bumper's length without decoding it again.
    private func picture(_ file: LocalFile, _ rate: ClipRate) -> String {
        FilterText.still(file) + Self.held(at: rate)
    }

    private static func held(at rate: ClipRate) -> String {
        ",loop=loop=-1:size=1,setpts=N/(\(rate.framesPerSecond)*TB),fps=\(rate.framesPerSecond),"
            + "trim=duration=\(bumperSeconds)"
    }

    /// The organiser's picture on the night's blue: fades in and out.
    static func still(size: (width: Int, height: Int), at rate: ClipRate) -> String {
        "[0:v]scale=w=\(size.width):h=\(size.height):force_original_aspect_ratio=decrease:flags=bicubic,format=rgba"
            + "\(held(at: rate))[picture];"
            + "color=c=0x060B26:s=\(size.width)x\(size.height):r=\(rate.framesPerSecond):d=\(bumperSeconds)[ground];"
            + "[ground][picture]overlay=x=(W-w)/2:y=(H-h)/2:format=rgb,\(ending)"
    }

    private func text(
        _ words: String, size: Int, x: String, y: String, from start: Double,
        colour: String = "white"
    ) -> String {
        // The shadow follows the text's alpha.
        "drawtext=fontfile=\(FilterText.escape(font.path)):text=\(FilterText.escape(words)):fontsize=\(size)"
            + ":fontcolor=\(colour):shadowcolor=0x060B26@0.7:shadowx=4:shadowy=5:x=\(x):y=\(y)"
            + ":alpha=clip((t-\(start))/0.35\\,0\\,1)"
    }

    private static let ending =
        "fade=t=in:d=0.2,fade=t=out:st=\(bumperSeconds - 0.25):d=0.25,"
        + "scale=out_color_matrix=bt709:out_range=tv,setsar=1,format=yuv420p"

    /// Blue to orange from top to bottom, darker to the edges, with two arcs of a court.
    private static let skyPixels: String = {
        let shared =
            "st(0,pow(clip((Y/360-0.22)/0.88,0,1),1.7));"
            + "st(1,max(0,1-abs(hypot(X-320,Y-560)-262)/1.6)+max(0,1-abs(hypot(X-320,Y-560)-372)/1.6));"
            + "st(2,1-0.5*pow(hypot((X-320)/450,(Y-180)/400),2));"
        let red = shared + "clip(ld(2)*(10+236*ld(0))+70*ld(1)*ld(0)+12*ld(1),0,255)"
        let green = shared + "clip(ld(2)*(16+84*ld(0))+60*ld(1)*ld(0)+14*ld(1),0,255)"
        let blue = shared + "clip(ld(2)*(58+60*ld(0)*(1-ld(0))-40*ld(0))+40*ld(1)*ld(0)+28*ld(1),0,255)"
        return "geq=r='\(red)':g='\(green)':b='\(blue)'"
    }()

    /// A sphere lit from the upper left, with a basketball's four seams.
    private static let ballPixels: String = {
        let shared =
            "st(0,(X-259.5)/252);st(1,(Y-259.5)/252);"
            + "st(3,min(min(abs(ld(0)),abs(ld(1))),min(abs(hypot(ld(0)-1.33,ld(1))-0.88),"
            + "abs(hypot(ld(0)+1.33,ld(1))-0.88))));"
            + "st(4,clip((ld(3)-0.022)/0.012,0,1));"
            + "st(5,clip(1.16-0.58*hypot(ld(0)+0.34,ld(1)+0.4),0.28,1.16));"
        func channel(_ seam: Int, _ skin: Int) -> String { shared + "clip(ld(5)*(\(seam)+\(skin)*ld(4)),0,255)" }
        return "geq=r='\(channel(30, 218))':g='\(channel(16, 108))':b='\(channel(14, 22))'"
            + ":a='255*clip((1-hypot((X-259.5)/252,(Y-259.5)/252))*126,0,1)'"
    }()
}
